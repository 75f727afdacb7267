// Requests to a management node over AMQP 1.0: one link to it, one for its answers, both on one session.

import { randomUUID } from 'node:crypto';
import {
  AmqpError,
  decodeMessageInto,
  LinkError,
  type AmqpMessage,
  type IncomingDelivery,
  type Outcome,
  type ProtocolSession,
  type ReceiverLink,
  type SenderLink,
} from '../../protocol/index.js';
import { findById } from '../correlation.js';
import { raceSignal } from '../deadline.js';
import { AmqpTimeoutError } from '../errors.js';

const REPLY_ADDRESS = '$me';
const REPLY_CREDIT = 100;
/** A peer that makes a queue of every name that it does not know would keep the requests there. */
const LIFE = { durable: false, ttl: 60_000 } as const;
/** What is asked of a reply: a list of bindings may be long. */
const MAX_REPLY_BYTES = 16 * 1_048_576;

/** The code of the error when the node did not take a request. */
export const REQUEST_REFUSED = 'request-refused';

/** How a node wants to be spoken to. */
export interface ManagementNode {
  readonly address: string;
  /** RabbitMQ: two links of one name with the property `paired`, all settled. Else answers come to a dynamic node. */
  readonly isPaired: boolean;
}

/** What a request and its answer have besides what correlates them. */
export type ManagementMessage = Omit<AmqpMessage, 'bodyType'>;

interface Waiting {
  resolve(reply: AmqpMessage): void;
  reject(error: Error): void;
}

/** One open pair of links. */
export class ManagementPair {
  readonly #waiting = new Map<string, Waiting>();
  #sender: SenderLink | undefined;
  #replyTo = REPLY_ADDRESS;
  #ended: AmqpError | undefined;
  #sendable: () => void = () => undefined;

  private constructor(private readonly node: ManagementNode) {}

  /**
   * Attaches both links; the reply link has its credit before the first request, or RabbitMQ would end the session.
   *
   * @throws AmqpError, or the signal's reason
   */
  static async attach(session: ProtocolSession, node: ManagementNode, signal: AbortSignal): Promise<ManagementPair> {
    const pair = new ManagementPair(node);
    const receiver = await (node.isPaired ? pair.#attachPaired(session, signal) : pair.#attachApart(session, signal));
    receiver.setPrefetch(REPLY_CREDIT);
    return pair;
  }

  /** @throws AmqpError when the pair ends first or the node does not take the request, or the signal's reason */
  async request(message: ManagementMessage, signal: AbortSignal): Promise<AmqpMessage> {
    const messageId = randomUUID();
    // An answer correlates to the message-id, or to the correlation-id where there is one: Qpid to nothing else.
    const properties = { ...message.properties, messageId, correlationId: messageId, replyTo: this.#replyTo };
    const reply = new Promise<AmqpMessage>((resolve, reject) => {
      this.#waiting.set(messageId, { resolve, reject });
    });
    try {
      const sent = this.#send({ header: LIFE, ...message, properties, bodyType: 'value' }, messageId);
      await raceSignal(Promise.race([sent, reply]), signal);
      return await raceSignal(reply, signal);
    } finally {
      this.#waiting.delete(messageId);
    }
  }

  async #attachPaired(session: ProtocolSession, signal: AbortSignal): Promise<ReceiverLink> {
    const name = `management-${randomUUID()}`;
    const shared = { name, properties: { paired: true }, settleMode: 'settled', signal, ...this.#events } as const;
    const node = { address: this.node.address };
    const here = { address: REPLY_ADDRESS };
    const [sender, receiver] = await Promise.all([
      session.attachSender({ ...shared, source: here, target: node }),
      session.attachReceiver({ ...shared, source: node, target: here, maxMessageBytes: MAX_REPLY_BYTES }),
    ]);
    this.#sender = sender;
    return receiver;
  }

  async #attachApart(session: ProtocolSession, signal: AbortSignal): Promise<ReceiverLink> {
    const shared = { settleMode: 'unsettled', signal, ...this.#events } as const;
    // First the node itself: where there is none, nothing else is made.
    this.#sender = await session.attachSender({
      ...shared,
      name: `management-${randomUUID()}`,
      source: {},
      target: { address: this.node.address },
    });
    const receiver = await session.attachReceiver({
      ...shared,
      name: `management-replies-${randomUUID()}`,
      source: { dynamic: true },
      target: {},
      maxMessageBytes: MAX_REPLY_BYTES,
    });
    const { address } = receiver.remote.source ?? {};
    if (typeof address !== 'string' || address === '')
      throw AmqpError.inOwnWords(
        new LinkError('the peer gave no address for management replies', this.node.address, receiver.name),
      );
    this.#replyTo = address;
    return receiver;
  }

  readonly #events = {
    onClosed: (error: AmqpError): void => this.#end(error),
    onSendable: (): void => this.#sendable(),
    onDelivery: (delivery: IncomingDelivery, payload: Buffer, start: number, end: number): void =>
      this.#receive(delivery, payload, start, end),
  };

  /** Resolves when it was handed over; whether it arrived is told by the reply alone. */
  #send(message: AmqpMessage, id: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const transfer = {
        message,
        presettled: this.node.isPaired,
        settled: (outcome: Outcome | undefined) => this.#taken(id, outcome),
        failed: (error: AmqpError) => this.#end(error),
      };
      const attempt = (): void => {
        try {
          if (this.#ended !== undefined) reject(this.#ended);
          else if (this.#sender?.send(transfer) === true) resolve();
          else this.#sendable = attempt;
        } catch (error) {
          reject(error);
        }
      };
      attempt();
    });
  }

  #taken(id: string, outcome: Outcome | undefined): void {
    if (outcome === undefined || outcome.kind === 'accepted') return;
    const { condition, description } =
      outcome.kind === 'rejected' ? outcome : { condition: undefined, description: undefined };
    const said = [condition, description].filter((text) => text !== undefined).join(': ');
    const message = `a request to ${this.node.address} was ${outcome.kind}${said === '' ? '' : `: ${said}`}`;
    const { address } = this.node;
    const error = new LinkError(message, address, this.#sender?.name ?? '', { condition }, REQUEST_REFUSED);
    this.#waiting.get(id)?.reject(error);
  }

  #receive(delivery: IncomingDelivery, payload: Buffer, start: number, end: number): void {
    delivery.settle({ kind: 'accepted' });
    delivery.done();
    const message: AmqpMessage = { body: undefined, bodyType: 'none' };
    try {
      decodeMessageInto(message, payload, start, end);
    } catch (error) {
      const { address } = this.node;
      this.#end(
        error instanceof AmqpError
          ? error
          : AmqpError.inOwnWords(new LinkError('a management reply cannot be read', address, '')),
      );
      return;
    }
    findById(this.#waiting, message.properties?.correlationId)?.resolve(message);
  }

  #end(error: AmqpError): void {
    this.#ended ??= error;
    for (const place of this.#waiting.values()) place.reject(error);
    this.#waiting.clear();
    this.#sendable();
  }
}

/** For a deadline's reason. */
export function managementTimeout(peerName: string, timeoutMs: number): Error {
  return AmqpError.inOwnWords(
    new AmqpTimeoutError(`${peerName}: no answer from its management within ${timeoutMs} ms`),
  );
}
