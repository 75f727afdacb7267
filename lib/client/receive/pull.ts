// A message arriving, for those who fetch: receiver -> buffer -> receiveBatch or iteration.

import { ACCEPTED, RELEASED, type AmqpError, type Outcome } from '../../protocol/index.js';
import { raceSignal } from '../deadline.js';
import { ClientClosedError } from '../errors.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import type { ReceivedMessage } from '../message/received-message.js';
import { errorName } from '../policy/error-name.js';
import { Arrivals } from './arrivals.js';
import { Failures } from './failures.js';
import { HandedOut } from './handed-out.js';
import { FAILED_DELIVERY, type Consumer, type Receiver } from './receiver.js';
import { stoppedBy } from './stopped-by.js';

/** A batch that is not full goes out when nothing came for so long. */
const QUIET_MS = 20;

/** What `receiveBatch` may be told. */
export interface ReceiveBatchOptions {
  readonly maxMessages: number;
  /**
   * Unit: milliseconds. Counted from the moment the client is attached for the first time. 0: what is buffered, else what the peer has
   * now; it is asked, and answers at once.
   */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Messages that wait to be fetched. Those that cannot be decoded go to the policy, unseen. */
export class Pull implements Consumer {
  readonly #receiver: Receiver;
  /** 0: the peer is given credit only for what is asked for. */
  readonly #prefetch: number;
  readonly #failures: Failures;
  readonly #arrivals = new Arrivals();
  readonly #handedOut: HandedOut;
  /** Calls that wait for messages, and how many messages they wait for together. */
  #fetching = 0;
  #wanted = 0;
  #undecodable: Promise<void> = Promise.resolve();
  /** Drains happen one after another: each answers for what was there when it began. */
  #draining: Promise<unknown> = Promise.resolve();
  #attachedAt = 0;
  /** Links so far, so that one can tell whether it is still the same. */
  #links = 0;
  #error: AmqpError | undefined = undefined;
  #isActive = false;
  #isClosed = false;
  #stoppedBy: unknown = undefined;

  constructor(receiver: Receiver, prefetch: number) {
    this.#receiver = receiver;
    this.#prefetch = prefetch;
    this.#handedOut = new HandedOut(receiver.options.autoAccept);
    this.#failures = new Failures(receiver, receiver.options.errorPolicy, (error) => {
      this.#receiver.context.logger.error(
        `the policy of "${receiver.address}" stopped the consumer after ${errorName(error)}`,
      );
      this.#stoppedBy = error;
      void this.close(0, stoppedBy(error, receiver.address));
    });
    receiver.consumeWith(this);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** As much as is there within the time, at most `maxMessages`; rejects with the link's error or the signal's reason. */
  receiveBatch(options: ReceiveBatchOptions): Promise<ReceivedMessage[]> {
    const receive = (): Promise<ReceivedMessage[]> => this.#receiveBatch(options);
    return this.#receiver.observers.watchesReceives ? this.#observed(receive, (messages) => messages) : receive();
  }

  async #receiveBatch({ maxMessages, waitMs, signal }: ReceiveBatchOptions): Promise<ReceivedMessage[]> {
    signal?.throwIfAborted();
    this.#handedOut.settleLast(this, ACCEPTED);
    return this.#fetch(maxMessages, async () => {
      const active = this.#activate();
      await (signal === undefined ? active : raceSignal(active, signal));
      if (waitMs === 0) await this.#ask(maxMessages, signal);
      else await this.#gather(maxMessages, performance.now() + waitMs, signal);
      return () => this.#takeUpTo(maxMessages);
    });
  }

  /**
   * The next message; `undefined` once the client is closed, or none came for the idle time-out.
   *
   * @param loop who iterates: with autoAccept, what it was given before is accepted
   */
  next(loop: object, signal?: AbortSignal): Promise<ReceivedMessage | undefined> {
    const receive = (): Promise<ReceivedMessage | undefined> => this.#next(loop, signal);
    if (!this.#receiver.observers.watchesReceives) return receive();
    return this.#observed(receive, (message) => (message === undefined ? [] : [message]));
  }

  async #next(loop: object, signal: AbortSignal | undefined): Promise<ReceivedMessage | undefined> {
    signal?.throwIfAborted();
    this.#handedOut.settleLast(loop, ACCEPTED);
    const since = performance.now();
    while (!this.#isClosed) {
      const { message, isIdle } = await this.#fetch(1, async () => {
        const isWaited = await this.#waitForOne(since, signal);
        return () => ({ message: this.#take(loop), isIdle: !isWaited });
      });
      if (message !== undefined) return message;
      if (isIdle) {
        await this.stop(loop, RELEASED);
        return undefined;
      }
    }
    return undefined;
  }

  /**
   * An iteration ends early: with autoAccept what it was given last goes back, and what is buffered unless others wait for it.
   *
   * @param outcome of what it was given last
   */
  async stop(loop: object, outcome: Outcome): Promise<void> {
    this.#handedOut.settleLast(loop, outcome);
    if (this.#isClosed || this.#fetching > 0) return;
    this.#isActive = false;
    // Late or lost: either way nothing is left to wait for.
    await this.#drain().catch(() => undefined);
    // Somebody may have begun to fetch again meanwhile.
    if (!this.#isActive) this.#giveBack();
  }

  /** Takes the credit back; what has come stays for the next call, which gives credit anew. */
  async drain(signal: AbortSignal | undefined): Promise<void> {
    this.#isActive = false;
    const drained = this.#drain();
    await (signal === undefined ? drained : raceSignal(drained, signal));
  }

  /** Gives back everything that is not settled: what was fetched and what is buffered. @returns how many */
  recover(): number {
    // A stream delivers nothing a second time on this link.
    if (this.#receiver.queue.isStream) return 0;
    const buffered = this.#arrivals.takeUnsettled();
    const fetched = this.#handedOut.takeUnsettled();
    for (const message of [...fetched, ...buffered]) this.#failures.giveBack(message);
    this.#receiver.flush();
    return fetched.length + buffered.length;
  }

  /** @param failure that of a policy, which stays in view until a second call without one */
  async close(timeoutMs: number, failure?: AmqpError): Promise<void> {
    this.#isClosed = true;
    this.#arrivals.wake();
    this.#failures.closing();
    await this.#receiver.stopCredit();
    this.#giveBack();
    await Promise.all([this.#failures.close(timeoutMs), this.#receiver.close(timeoutMs, failure)]);
    this.#handedOut.abortStale(new ClientClosedError(`the receive client of "${this.#receiver.address}" is closed`));
  }

  delivered(message: IncomingMessage): void {
    if (message.failure !== undefined) {
      this.#undecodable = this.#undecodable.then(() => this.#handToPolicy(message));
      return;
    }
    // Without a prefetch nobody else asked for it: the next call may be far away.
    const isUnasked = this.#prefetch === 0 && this.#fetching === 0 && !message.settled;
    if (isUnasked && !this.#receiver.queue.isStream) this.#failures.giveBack(message);
    else this.#arrivals.add(message);
  }

  attached(): void {
    this.#error = undefined;
    this.#attachedAt = performance.now();
    this.#links++;
    this.#demand();
  }

  lost(error: AmqpError): void {
    this.#failures.lost();
    this.#arrivals.dropStale();
    this.#handedOut.abortStale(error);
  }

  rolledBack(message: IncomingMessage): void {
    message.settle(FAILED_DELIVERY);
  }

  failed(error: AmqpError): void {
    this.lost(error);
    this.#error = error;
    this.#arrivals.wake();
  }

  async #observed<T>(receive: () => Promise<T>, messagesOf: (result: T) => readonly ReceivedMessage[]): Promise<T> {
    const { observers, node } = this.#receiver;
    const startedAt = performance.now();
    try {
      const result = await receive();
      observers.received({ address: this.#receiver.address, node, messages: messagesOf(result), startedAt });
      return result;
    } catch (error) {
      const failure = { error };
      observers.received({ address: this.#receiver.address, node, messages: [], startedAt, failure });
      throw error;
    }
  }

  /** @param work waits until there is something to take, and says how it is taken */
  async #fetch<T>(wanted: number, work: () => Promise<() => T>): Promise<T> {
    this.#fetching++;
    this.#wanted += wanted;
    let take: (() => T) | undefined = undefined;
    try {
      take = await work();
    } finally {
      this.#wanted -= wanted;
      // What comes while the credit is taken back is still asked for, and so is what has come in part.
      const isLast = this.#prefetch === 0 && this.#fetching === 1 && !this.#isClosed;
      const drained = isLast ? this.#drain().catch(() => undefined) : undefined;
      if (take !== undefined) await drained;
      this.#fetching--;
    }
    const taken = take();
    this.#demand();
    return taken;
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
    this.#demand();
    if (this.#receiver.isAttached || this.#arrivals.length > 0) return;
    this.#error = undefined;
    await this.#receiver.start('bounded');
  }

  /** Without a prefetch: credit for what the calls wait for, and no more. Nobody waits: what came too much goes back. */
  #demand(): void {
    if (this.#prefetch > 0) return;
    if (this.#fetching === 0 && this.#arrivals.length > 0) this.#giveBack();
    const missing = this.#wanted - this.#arrivals.length - this.#receiver.credit;
    if (missing > 0) this.#receiver.addCredit(missing);
  }

  /** What the peer has now is here when it resolves. Asked again when the link is lost meanwhile. */
  async #ask(maxMessages: number, signal: AbortSignal | undefined): Promise<void> {
    while (this.#arrivals.length === 0 && !this.#isClosed) {
      const link = this.#links;
      let isOver = false;
      let asked = 0;
      // In its turn it asks for what is there, not for credit once the drain is over.
      const ask = (): void => {
        if (isOver) return;
        this.#demand();
        asked = maxMessages;
        this.#wanted -= asked;
      };
      const drained = this.#drain(ask).then(
        // Without a link nobody was asked.
        () => this.#receiver.isAttached && link === this.#links,
        (error: unknown) => {
          if (this.#receiver.isAttached && link === this.#links) throw error;
          return false;
        },
      );
      try {
        if (await (signal === undefined ? drained : raceSignal(drained, signal))) return;
      } finally {
        isOver = true;
        this.#wanted += asked;
      }
      const active = this.#activate();
      await (signal === undefined ? active : raceSignal(active, signal));
    }
  }

  /** @param begin its turn has come */
  #drain(begin?: () => void): Promise<void> {
    const drained = this.#draining.then(async () => {
      try {
        begin?.();
        await this.#receiver.drain();
      } finally {
        if (this.#isActive && !this.#isClosed) {
          this.#receiver.setPrefetch(this.#prefetch);
          // For those who began to wait meanwhile.
          this.#demand();
        }
      }
    });
    this.#draining = drained.catch(() => undefined);
    return drained;
  }

  /** `false`: none came for the idle time-out. */
  async #waitForOne(since: number, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      const active = this.#activate();
      await (signal === undefined ? active : raceSignal(active, signal));
      while (this.#arrivals.length === 0 && !this.#isClosed) {
        if (this.#error !== undefined) throw this.#error;
        const idleInMs = this.#idleInMs(since);
        if (idleInMs <= 0) return false;
        await this.#arrivals.change(idleInMs === Infinity ? undefined : idleInMs, signal);
      }
    } catch (error) {
      if (!this.#isClosed) throw error;
    }
    return true;
  }

  /** Waits until there are enough, or some and no more for a moment, or the time is over. */
  async #gather(maxMessages: number, until: number, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const now = performance.now();
      const { length, lastAt } = this.#arrivals;
      if (length >= maxMessages || this.#isClosed || now >= until) return;
      const quietIn = length === 0 ? Infinity : lastAt + QUIET_MS - now;
      if (quietIn <= 0) return;
      if (this.#error !== undefined && length === 0) throw this.#error;
      await this.#arrivals.change(Math.min(until - now, quietIn), signal);
    }
  }

  /** Time without a link does not count: nothing can come. */
  #idleInMs(since: number): number {
    const { idleTimeoutMs } = this.#receiver.options;
    if (idleTimeoutMs === 0) return Infinity;
    if (!this.#receiver.isAttached) return idleTimeoutMs;
    return Math.max(since, this.#arrivals.lastAt, this.#attachedAt) + idleTimeoutMs - performance.now();
  }

  #takeUpTo(maxMessages: number): ReceivedMessage[] {
    const batch: ReceivedMessage[] = [];
    while (batch.length < maxMessages) {
      const message = this.#take(this);
      if (message === undefined) break;
      batch.push(message);
    }
    return batch;
  }

  #take(fetcher: object): IncomingMessage | undefined {
    const message = this.#arrivals.take();
    if (message === undefined) return undefined;
    this.#handedOut.give(message, fetcher);
    return message;
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

  /** What a stream has delivered it does not deliver again on this link: it waits for the next call. */
  #giveBack(): void {
    if (!this.#receiver.queue.isStream)
      for (const message of this.#arrivals.takeUnsettled()) this.#failures.giveBack(message);
    this.#receiver.flush();
  }
}
