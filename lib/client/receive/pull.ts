// A message arriving, for those who fetch: receiver -> buffer -> receiveBatch or iteration.

import { ACCEPTED, RELEASED, type AmqpError } from '../../protocol/index.js';
import { asError, raceSignal } from '../deadline.js';
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
  /** With autoAccept: what each that fetches was given last; all batches count as one. */
  readonly #handedOut = new Map<object, IncomingMessage[]>();
  /** Calls that wait for messages. */
  #fetching = 0;
  #lastArrivalAt = 0;
  readonly #waiting = new Set<() => void>();
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
    this.#acceptHandedOut(this);
    this.#fetching++;
    try {
      const active = this.#activate();
      await (signal === undefined ? active : raceSignal(active, signal));
      await this.#gather(maxMessages, performance.now() + waitMs, signal);
    } finally {
      this.#fetching--;
    }
    const batch: ReceivedMessage[] = [];
    while (batch.length < maxMessages) {
      const message = this.#take(this);
      if (message === undefined) break;
      batch.push(message);
    }
    return batch;
  }

  /**
   * The next message; `undefined` once the client is closed.
   *
   * @param loop who iterates: with autoAccept, what it was given before is accepted
   */
  async next(loop: object): Promise<ReceivedMessage | undefined> {
    this.#acceptHandedOut(loop);
    this.#fetching++;
    try {
      await this.#activate();
      for (;;) {
        const message = this.#take(loop);
        if (message !== undefined || this.#isClosed) return message;
        if (this.#error !== undefined) throw this.#error;
        await this.#change(undefined, undefined);
      }
    } catch (error) {
      if (this.#isClosed) return undefined;
      throw error;
    } finally {
      this.#fetching--;
    }
  }

  /** An iteration ends early: with autoAccept what it was given last goes back, and what is buffered unless others wait for it. */
  async stop(loop: object): Promise<void> {
    for (const message of this.#handedOut.get(loop) ?? []) message.settle(RELEASED);
    this.#handedOut.delete(loop);
    if (this.#isClosed || this.#fetching > 0) return;
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
    if (this.#waiting.size > 0) this.#wake();
  }

  attached(): void {
    this.#error = undefined;
  }

  lost(error: AmqpError): void {
    this.#failures.lost();
    const buffered = this.#buffer.drain();
    for (const message of buffered) if (!message.isStale) this.#buffer.push(message);
    for (const messages of this.#handedOut.values())
      for (const message of messages) if (message.isStale) message.abort(error);
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

  /** Waits until there are enough, or some and no more for a moment, or the time is over. */
  async #gather(maxMessages: number, until: number, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const now = performance.now();
      if (this.#buffer.length >= maxMessages || this.#isClosed || now >= until) return;
      const quietIn = this.#buffer.length === 0 ? Infinity : this.#lastArrivalAt + QUIET_MS - now;
      if (quietIn <= 0) return;
      if (this.#error !== undefined && this.#buffer.length === 0) throw this.#error;
      await this.#change(Math.min(until - now, quietIn), signal);
    }
  }

  #take(fetcher: object): IncomingMessage | undefined {
    const message = this.#buffer.shift();
    if (message === undefined) return undefined;
    message.done();
    if (this.#receiver.options.autoAccept) {
      const before = this.#handedOut.get(fetcher);
      if (before === undefined) this.#handedOut.set(fetcher, [message]);
      else before.push(message);
    }
    return message;
  }

  #acceptHandedOut(fetcher: object): void {
    const before = this.#handedOut.get(fetcher);
    if (before === undefined) return;
    this.#handedOut.delete(fetcher);
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
      const over = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        this.#waiting.delete(done);
      };
      const abort = (): void => {
        over();
        reject(asError(signal?.reason));
      };
      const done = (): void => {
        over();
        resolve();
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(done, timeoutMs);
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const done of this.#waiting) done();
  }
}
