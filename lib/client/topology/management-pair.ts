// RabbitMQ 4's management over AMQP 1.0: two links of one name on one session, requests and replies in the manner of HTTP.

import { randomUUID } from 'node:crypto';
import {
  AmqpError,
  decodeMessageInto,
  LinkError,
  type AmqpMessage,
  type IncomingDelivery,
  type ProtocolSession,
  type SenderLink,
} from '../../protocol/index.js';
import { raceSignal } from '../deadline.js';
import { AmqpTimeoutError } from '../errors.js';

const NODE = '/management';
const REPLY_ADDRESS = '$me';
const REPLY_CREDIT = 100;
/** What is asked of a reply: a list of bindings may be long. */
const MAX_REPLY_BYTES = 16 * 1_048_576;

/** One answer: an HTTP status, and a body of AMQP types. */
export interface ManagementReply {
  readonly status: number;
  readonly body: unknown;
}

/** One open link pair. */
export class ManagementPair {
  readonly #waiting = new Map<string, { resolve(reply: ManagementReply): void; reject(error: Error): void }>();
  #sender: SenderLink | undefined;
  #ended: AmqpError | undefined;
  #sendable: () => void = () => undefined;

  /**
   * Attaches both links; the reply link has its credit before the first request, or RabbitMQ would end the session.
   *
   * @throws AmqpError, or the signal's reason
   */
  static async attach(session: ProtocolSession, signal: AbortSignal): Promise<ManagementPair> {
    const pair = new ManagementPair();
    const name = `management-${randomUUID()}`;
    const onClosed = (error: AmqpError): void => pair.#end(error);
    const shared = { name, properties: { paired: true }, settleMode: 'settled', signal, onClosed } as const;
    const node = { address: NODE };
    const here = { address: REPLY_ADDRESS };
    const [sender, receiver] = await Promise.all([
      session.attachSender({ ...shared, source: here, target: node, onSendable: () => pair.#sendable() }),
      session.attachReceiver({
        ...shared,
        source: node,
        target: here,
        maxMessageBytes: MAX_REPLY_BYTES,
        onDelivery: (delivery, payload, start, end) => pair.#receive(delivery, payload, start, end),
      }),
    ]);
    pair.#sender = sender;
    receiver.setPrefetch(REPLY_CREDIT);
    return pair;
  }

  /** @throws AmqpError when the pair ends first, or the signal's reason */
  async request(method: string, path: string, body: unknown, signal: AbortSignal): Promise<ManagementReply> {
    const messageId = randomUUID();
    const message: AmqpMessage = {
      properties: { messageId, to: path, subject: method, replyTo: REPLY_ADDRESS },
      body: body ?? null,
      bodyType: 'value',
    };
    const reply = new Promise<ManagementReply>((resolve, reject) => {
      this.#waiting.set(messageId, { resolve, reject });
    });
    try {
      await raceSignal(Promise.race([this.#send(message), reply]), signal);
      return await raceSignal(reply, signal);
    } finally {
      this.#waiting.delete(messageId);
    }
  }

  /** Resolves when it was handed over; whether it arrived is told by the reply alone. */
  #send(message: AmqpMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const transfer = {
        message,
        presettled: true,
        settled: () => undefined,
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

  #receive(delivery: IncomingDelivery, payload: Buffer, start: number, end: number): void {
    delivery.settle({ kind: 'accepted' });
    delivery.done();
    const message: AmqpMessage = { body: undefined, bodyType: 'none' };
    try {
      decodeMessageInto(message, payload, start, end);
    } catch (error) {
      this.#end(error instanceof AmqpError ? error : new LinkError('a management reply cannot be read', NODE, ''));
      return;
    }
    const { correlationId, subject } = message.properties ?? {};
    if (typeof correlationId !== 'string') return;
    this.#waiting.get(correlationId)?.resolve({ status: Number(subject), body: message.body });
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
  return new AmqpTimeoutError(`${peerName}: no answer from ${NODE} within ${timeoutMs} ms`);
}
