// A message arriving, for those who fetch: receiver -> buffer -> receiveBatch or iteration.

import { ACCEPTED, RELEASED, type AmqpError } from '../../protocol/index.js';
import { asError } from '../deadline.js';
import { ClientClosedError } from '../errors.js';
import { Fifo } from '../fifo.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import type { ReceivedMessage } from '../message/received-message.js';
import { errorName } from '../policy/error-name.js';
import { Failures } from './failures.js';
import type { Consumer, Receiver } from './receiver.js';

/** A batch that is not full goes out when nothing came for so long. */
const QUIET_MS = 20;

/** What `receiveBatch` may be told. */
export interface ReceiveBatchOptions {
  readonly maxMessages: number;
  /** Unit: milliseconds. Counted from the moment the client is attached for the first time. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Messages that wait to be fetched. Those that cannot be decoded go to the policy, unseen. */
export class Pull implements Consumer {
  readonly #receiver: Receiver;
  readonly #prefetch: number;
  readonly #failures: Failures;
  readonly #buffer = new Fifo<IncomingMessage>();
  #handedOut: IncomingMessage[] = [];
  #lastArrivalAt = 0;
  #waiting: (() => void)[] = [];
  #undecodable: Promise<void> = Promise.resolve();
  #error: AmqpError | undefined = undefined;
  #isActive = false;
  #isClosed = false;
  #stoppedBy: unknown = undefined;

  constructor(receiver: Receiver, prefetch: number) {
    this.#receiver = receiver;
    this.#prefetch = prefetch;
    this.#failures = new Failures(receiver, receiver.options.errorPolicy, (error) => {
      this.#receiver.context.logger.error(
        `the policy of "${receiver.address}" stopped the consumer after ${errorName(error)}`,
      );
      this.#stoppedBy = error;
      void this.close(0);
    });
    receiver.consumeWith(this);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** As much as is there within the time, at most `maxMessages`; rejects with the link's error or the signal's reason. */
  async receiveBatch({ maxMessages, waitMs, signal }: ReceiveBatchOptions): Promise<ReceivedMessage[]> {
    signal?.throwIfAborted();
    this.#acceptHandedOut();
    await this.#activate();
    const until = performance.now() + waitMs;
    for (;;) {
      signal?.throwIfAborted();
      const now = performance.now();
      if (this.#buffer.length >= maxMessages || this.#isClosed || now >= until) break;
      const quietIn = this.#buffer.length === 0 ? Infinity : this.#lastArrivalAt + QUIET_MS - now;
      if (quietIn <= 0) break;
      if (this.#error !== undefined && this.#buffer.length === 0) throw this.#error;
      await this.#change(Math.min(until - now, quietIn), signal);
    }
    const batch: ReceivedMessage[] = [];
    while (batch.length < maxMessages) {
      const message = this.#take();
      if (message === undefined) break;
      batch.push(message);
    }
    return batch;
  }

  /** The next message; `undefined` once the client is closed. */
  async next(): Promise<ReceivedMessage | undefined> {
    this.#acceptHandedOut();
    await this.#activate();
    for (;;) {
      const message = this.#take();
      if (message !== undefined || this.#isClosed) return message;
      if (this.#error !== undefined) throw this.#error;
      await this.#change(undefined, undefined);
    }
  }

  /** The iteration ends early: what was buffered goes back, and what was handed out last when nobody settled it. */
  async stop(): Promise<void> {
    const { autoAccept } = this.#receiver.options;
    for (const message of this.#handedOut) if (autoAccept) message.settle(RELEASED);
    this.#handedOut = [];
    if (this.#isClosed) return;
    this.#isActive = false;
    await this.#receiver.stopCredit();
    // Somebody may have begun to fetch again meanwhile.
    if (!this.#isActive) this.#giveBack();
  }

  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    this.#failures.closing();
    await this.#receiver.stopCredit();
    this.#giveBack();
    await Promise.all([this.#failures.close(timeoutMs), this.#receiver.close(timeoutMs)]);
  }

  delivered(message: IncomingMessage): void {
    if (message.failure !== undefined) {
      this.#undecodable = this.#undecodable.then(() => this.#handToPolicy(message));
      return;
    }
    this.#buffer.push(message);
    this.#lastArrivalAt = performance.now();
    if (this.#waiting.length > 0) this.#wake();
  }

  attached(): void {
    this.#error = undefined;
  }

  lost(error: AmqpError): void {
    this.#failures.lost();
    const buffered = this.#buffer.drain();
    for (const message of buffered) if (!message.isStale) this.#buffer.push(message);
    for (const message of this.#handedOut) if (message.isStale) message.abort(error);
  }

  failed(error: AmqpError): void {
    this.lost(error);
    this.#error = error;
    this.#wake();
  }

  async #activate(): Promise<void> {
    if (this.#isClosed)
      throw new ClientClosedError(`the receive client of "${this.#receiver.address}" is closed`, {
        cause: this.#stoppedBy,
      });
    if (!this.#isActive) {
      this.#isActive = true;
      this.#receiver.setPrefetch(this.#prefetch);
    }
    if (this.#receiver.isAttached || this.#buffer.length > 0) return;
    this.#error = undefined;
    await this.#receiver.start('bounded');
  }

  #take(): IncomingMessage | undefined {
    const message = this.#buffer.shift();
    if (message === undefined) return undefined;
    message.done();
    if (this.#receiver.options.autoAccept) this.#handedOut.push(message);
    return message;
  }

  #acceptHandedOut(): void {
    const before = this.#handedOut;
    this.#handedOut = [];
    for (const message of before) message.settle(ACCEPTED);
  }

  async #handToPolicy(message: IncomingMessage): Promise<void> {
    const failure = { message, error: message.failure?.error };
    for (;;) {
      if (message.isStale) return;
      const decision = await this.#failures.decide(failure);
      if (decision.kind !== 'retry') return this.#failures.execute(decision, failure);
      if (!(await this.#failures.wait(decision.delayMs))) return this.#failures.giveBack(message);
      message.nextAttempt();
    }
  }

  #giveBack(): void {
    for (const message of this.#buffer.drain()) this.#failures.giveBack(message);
    this.#receiver.flush();
  }

  /** The next message, end or time-out. */
  #change(timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        clearTimeout(timer);
        reject(asError(signal?.reason));
      };
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(done, timeoutMs);
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(done);
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }
}
