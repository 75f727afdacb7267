// Transactions (part 4 of the specification): declare and discharge are messages to the peer's coordinator.

import type { CoordinatorLink, SenderLink } from './links.js';
import { AmqpError } from './errors.js';
import type { AmqpMessage } from './message/amqp-message.js';
import type { Outcome } from './outcome.js';
import type { PlaneTransfer } from './session/transfer.js';
import { encodeValue } from './types/encode.js';
import { Described } from './types/typed.js';

const AMQP_VALUE = 0x77;
const DECLARE = 0x31;
const DISCHARGE = 0x32;
const NO_MESSAGE: AmqpMessage = Object.freeze({ body: null, bodyType: 'none' });

/** One declare or discharge, from the call to the coordinator's answer. */
class Request implements PlaneTransfer {
  readonly message = NO_MESSAGE;
  readonly encoded: Buffer;
  /** The peer may have it. */
  isSent = false;
  resolve: (transactionId: Buffer | undefined) => void = () => undefined;
  reject: (error: unknown) => void = () => undefined;

  constructor(
    body: Described,
    private readonly what: string,
  ) {
    this.encoded = encodeValue(new Described(AMQP_VALUE, body));
  }

  declared(transactionId: Buffer): void {
    this.resolve(transactionId);
  }

  settled(outcome: Outcome | undefined, problem?: string): void {
    if (outcome?.kind === 'accepted') this.resolve(undefined);
    else this.reject(refused(this.what, outcome, problem));
  }

  failed(error: AmqpError, written: boolean): void {
    this.isSent = written;
    this.reject(error);
  }
}

/** The client's end of a link to a coordinator. Made before its link, so that the link's callbacks have somebody to go to. */
export class TransactionCoordinator implements CoordinatorLink {
  capabilities: readonly string[] = [];

  private link: SenderLink | undefined;
  private waiting: Request[] = [];
  private failure: AmqpError | undefined;

  get isOpen(): boolean {
    return this.link?.isOpen === true;
  }

  attached(link: SenderLink, capabilities: readonly string[]): void {
    this.link = link;
    this.capabilities = capabilities;
    this.pump();
  }

  async declare(options: { readonly signal: AbortSignal }): Promise<Buffer> {
    const transactionId = await this.ask(new Request(new Described(DECLARE, [null]), 'declare'), options.signal);
    if (transactionId === undefined)
      throw AmqpError.inOwnWords(new AmqpError('protocol-error', 'the coordinator accepted a declare without an id'));
    return transactionId;
  }

  async discharge(transactionId: Buffer, fail: boolean, options: { readonly signal: AbortSignal }): Promise<void> {
    const what = fail ? 'rollback' : 'commit';
    const request = new Request(new Described(DISCHARGE, [transactionId, fail]), what);
    try {
      await this.ask(request, options.signal);
    } catch (cause) {
      if (request.isSent) throw cause;
      const why = cause instanceof Error ? cause.message : 'it was given up';
      throw AmqpError.inWordsOf(cause, new AmqpError('rolled-back', `the ${what} was never sent: ${why}`, { cause }));
    }
  }

  async detach(options: { readonly timeoutMs: number }): Promise<void> {
    await this.link?.detach({ closed: true, timeoutMs: options.timeoutMs });
    this.ended(AmqpError.inOwnWords(new AmqpError('detached', 'the link to the coordinator was detached here')));
  }

  /** The link is gone; what was sent on it was told so by the link. */
  ended(error: AmqpError): void {
    this.failure ??= error;
    const waiting = this.waiting;
    this.waiting = [];
    for (const request of waiting) request.reject(error);
  }

  /** Sends what waits for credit. */
  pump(): void {
    while (this.link !== undefined && this.waiting.length > 0) {
      const request = this.waiting[0];
      if (request === undefined || !this.link.send(request)) return;
      request.isSent = true;
      this.waiting.shift();
    }
  }

  private ask(request: Request, signal: AbortSignal): Promise<Buffer | undefined> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise<Buffer | undefined>((resolve, reject) => {
      const settle = (): void => signal.removeEventListener('abort', onAbort);
      const onAbort = (): void => {
        this.waiting = this.waiting.filter((other) => other !== request);
        // A signal's reason is whatever its owner gave.
        reject(signal.reason as Error);
      };
      request.resolve = (transactionId) => {
        settle();
        resolve(transactionId);
      };
      request.reject = (error) => {
        settle();
        reject(error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.waiting.push(request);
      this.pump();
    });
  }
}

function refused(what: string, outcome: Outcome | undefined, problem: string | undefined): AmqpError {
  if (outcome?.kind !== 'rejected')
    return AmqpError.inOwnWords(
      new AmqpError(
        'protocol-error',
        `the coordinator answered a ${what} with ${problem ?? outcome?.kind ?? 'no state'}`,
      ),
    );
  const { condition, description } = outcome;
  const reason = [condition, description].filter((part) => part !== undefined).join(': ');
  return AmqpError.inOwnWords(
    new AmqpError('rolled-back', `the coordinator refused to ${what}: ${reason || 'no reason given'}`, {
      condition,
    }),
  );
}
