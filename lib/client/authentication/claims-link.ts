// The links to the node that takes tokens (claims-based security): put-token, and its answers.

import { randomUUID } from 'node:crypto';
import {
  ACCEPTED,
  AmqpError,
  AuthenticationError,
  decodeMessageInto,
  type AmqpMessage,
  type IncomingDelivery,
  type Outcome,
  type OutgoingTransfer,
  type ProtocolSession,
  type ReceiverLink,
  type Secrets,
  type SenderLink,
} from '../../protocol/index.js';
import { findById } from '../correlation.js';
import { raceSignal } from '../deadline.js';
import { wholeNumber } from '../management/management-response.js';

/** Answers that may be on their way at once. */
const ANSWER_CREDIT = 16;
/** A status and a sentence. */
const MAX_ANSWER_BYTES = 65_536;
/** Of what the peer says, this much is repeated. */
const MAX_SAID = 500;
/** The last moment that a Date can hold. */
const LAST_DATE = 8.64e15;
/** Statuses that may be others the next time: a time-out, too many requests. */
const PASSING: ReadonlySet<number> = new Set([408, 429]);

/** What is put. */
export interface Claim {
  readonly audience: string;
  readonly type: string;
  readonly token: string;
  readonly expiresAt: number;
}

interface Waiting {
  readonly messageId: string;
  readonly audience: string;
  resolve(): void;
  reject(error: Error): void;
}

/** One open pair of links. */
export class ClaimsLink {
  readonly #replyTo = `cbs-${randomUUID()}`;
  /** By message-id. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #unsent = new Map<string, OutgoingTransfer>();
  #sender: SenderLink | undefined;
  #receiver: ReceiverLink | undefined;
  #ended: AmqpError | undefined;

  private constructor(
    private readonly peerName: string,
    private readonly node: string,
    private readonly secrets: Secrets,
  ) {}

  /** The receiving link first, so that the answer finds it. @throws AmqpError, or the signal's reason */
  static async attach(
    session: ProtocolSession,
    { peerName, node, secrets }: { readonly peerName: string; readonly node: string; readonly secrets: Secrets },
    signal: AbortSignal,
  ): Promise<ClaimsLink> {
    const link = new ClaimsLink(peerName, node, secrets);
    const id = randomUUID();
    const onClosed = (error: AmqpError): void => link.#end(error);
    const shared = { settleMode: 'unsettled', signal, onClosed } as const;
    link.#receiver = await session.attachReceiver({
      ...shared,
      name: `cbs-receiver-${id}`,
      source: { address: node },
      target: { address: link.#replyTo },
      maxMessageBytes: MAX_ANSWER_BYTES,
      onDelivery: (delivery, payload, start, end) => link.#receive(delivery, payload, start, end),
    });
    link.#receiver.setPrefetch(ANSWER_CREDIT);
    link.#sender = await session.attachSender({
      ...shared,
      name: `cbs-sender-${id}`,
      source: { address: link.#replyTo },
      target: { address: node },
      onSendable: () => link.#flush(),
    });
    return link;
  }

  get isOpen(): boolean {
    return this.#ended === undefined && this.#sender?.isOpen === true && this.#receiver?.isOpen === true;
  }

  /** @throws AuthenticationError when it is refused or the links end first; the signal's reason */
  async put(claim: Claim, signal: AbortSignal): Promise<void> {
    const { audience, type, token, expiresAt } = claim;
    const messageId = randomUUID();
    const message: AmqpMessage = {
      properties: { messageId, to: this.node, replyTo: this.#replyTo },
      applicationProperties: {
        operation: 'put-token',
        type,
        name: audience,
        expiration: new Date(Math.min(expiresAt, LAST_DATE)),
      },
      body: token,
      bodyType: 'value',
    };
    const answered = new Promise<void>((resolve, reject) => {
      this.#waiting.set(messageId, { messageId, audience, resolve, reject });
    });
    this.#unsent.set(messageId, {
      message,
      settled: (outcome) => this.#settled(messageId, outcome),
      failed: (error) => this.#fail(messageId, error),
    });
    if (this.#ended === undefined) this.#flush();
    else this.#end(this.#ended);
    try {
      await raceSignal(answered, signal);
    } finally {
      this.#waiting.delete(messageId);
      this.#unsent.delete(messageId);
    }
  }

  #flush(): void {
    for (const [messageId, transfer] of this.#unsent) {
      try {
        if (this.#sender?.isOpen !== true || !this.#sender.send(transfer)) return;
      } catch (cause) {
        // It has no form in AMQP, or is larger than the peer takes.
        this.#fail(messageId, undefined, 'it cannot be sent', { cause });
      }
      this.#unsent.delete(messageId);
    }
  }

  /** Its answer may have come before, or come yet; only a refusal says something. */
  #settled(messageId: string, outcome: Outcome | undefined): void {
    if (outcome === undefined || outcome.kind === 'accepted') return;
    const rejected = outcome.kind === 'rejected' ? outcome : undefined;
    const condition = rejected?.condition;
    const description = rejected?.description?.slice(0, MAX_SAID);
    const said = [condition, description].filter((text) => text !== undefined).join(': ');
    const why = `the peer ${outcome.kind} the request${said === '' ? '' : ` (${said})`}`;
    this.#fail(messageId, undefined, why, { condition, description, retryable: outcome.kind !== 'rejected' });
  }

  #receive(delivery: IncomingDelivery, payload: Buffer, start: number, end: number): void {
    delivery.settle(ACCEPTED);
    delivery.done();
    const answer: AmqpMessage = { body: undefined, bodyType: 'none' };
    try {
      if (delivery.oversized) throw new AmqpError('decode', `it has more than ${MAX_ANSWER_BYTES} bytes`);
      decodeMessageInto(answer, payload, start, end);
    } catch (cause) {
      // Whose it is cannot be seen.
      const facts = { retryable: true, cause };
      for (const id of this.#waiting.keys()) this.#fail(id, undefined, 'an answer cannot be read', facts);
      return;
    }
    const waiting = findById(this.#waiting, answer.properties?.correlationId);
    if (waiting !== undefined) this.#answered(waiting.messageId, answer.applicationProperties ?? {});
  }

  #answered(messageId: string, properties: Readonly<Record<string, unknown>>): void {
    const statusCode = wholeNumber(properties['status-code'] ?? properties['statusCode']);
    const text = properties['status-description'] ?? properties['statusDescription'];
    const description = typeof text === 'string' ? this.secrets.masked(text).slice(0, MAX_SAID) : undefined;
    if (statusCode === undefined)
      this.#fail(messageId, undefined, 'the answer has no status code', { retryable: true, description });
    else if (statusCode >= 200 && statusCode < 300) this.#waiting.get(messageId)?.resolve();
    else {
      const retryable = statusCode >= 500 || PASSING.has(statusCode);
      const why = `the peer answered ${statusCode}${description === undefined ? '' : `: ${description}`}`;
      this.#fail(messageId, undefined, why, { statusCode, description, retryable });
    }
  }

  #end(error: AmqpError): void {
    this.#ended ??= error;
    this.#unsent.clear();
    for (const id of this.#waiting.keys()) this.#fail(id, error);
  }

  #fail(
    messageId: string,
    cause: AmqpError | undefined,
    why = cause?.message ?? 'the link ended',
    facts: ConstructorParameters<typeof AuthenticationError>[2] = {},
  ): void {
    const waiting = this.#waiting.get(messageId);
    if (waiting === undefined) return;
    const message = `${this.peerName}: the token for "${waiting.audience}" was not taken by "${this.node}": ${why}`;
    const known = cause === undefined ? {} : { cause, condition: cause.condition, retryable: cause.retryable };
    waiting.reject(new AuthenticationError(message, undefined, { ...known, ...facts }));
  }
}
