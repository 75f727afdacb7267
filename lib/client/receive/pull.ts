// A message arriving, for those who fetch: receiver -> buffer -> receiveBatch or iteration.

import { ACCEPTED, RELEASED, AmqpError, type Outcome } from '../../protocol/index.js';
import { raceSignal } from '../deadline.js';
import { ClientClosedError } from '../errors.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import type { ReceivedMessage } from '../message/received-message.js';
import { errorName } from '../policy/error-name.js';
import { Arrivals } from './arrivals.js';
import { Asking } from './asking.js';
import { FAILED_DELIVERY, type Consumer } from './consumer.js';
import { Failures } from './failures.js';
import { HandedOut } from './handed-out.js';
import { observed } from './observed-receive.js';
import type { Receiver } from './receiver.js';
import { stoppedBy } from './stopped-by.js';
import { Unreadable } from './unreadable.js';
import { Waiting } from './waiting.js';

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
  readonly #failures: Failures;
  readonly #arrivals = new Arrivals();
  readonly #handedOut: HandedOut;
  readonly #asking: Asking;
  readonly #waiting: Waiting;
  readonly #unreadable: Unreadable;
  #stoppedBy: unknown = undefined;

  constructor(receiver: Receiver, prefetch: number) {
    this.#receiver = receiver;
    this.#handedOut = new HandedOut(receiver.options.autoAccept);
    this.#failures = new Failures(receiver, receiver.options.errorPolicy, {
      stop: (error) => this.#stop(error),
      // Nothing comes but what is asked for.
      pause: () => undefined,
      pauses: { inRow: 0 },
    });
    this.#unreadable = new Unreadable(this.#failures);
    this.#asking = new Asking(receiver, prefetch, this.#arrivals, {
      giveBack: () => this.#giveBack(),
      closedError: () => this.#closedError(),
    });
    this.#waiting = new Waiting(receiver, this.#arrivals, this.#asking);
    receiver.consumeWith(this);
  }

  get takenBy(): Consumer['takenBy'] {
    return this.isClosed ? undefined : 'calls';
  }

  get isClosed(): boolean {
    return this.#asking.isClosed;
  }

  /** As much as is there within the time, at most `maxMessages`; rejects with the link's error or the signal's reason. */
  receiveBatch(options: ReceiveBatchOptions): Promise<ReceivedMessage[]> {
    const receive = (): Promise<ReceivedMessage[]> => this.#receiveBatch(options);
    return this.#receiver.observers.watchesReceives
      ? observed(this.#receiver, receive, (messages) => messages)
      : receive();
  }

  async #receiveBatch({ maxMessages, waitMs, signal }: ReceiveBatchOptions): Promise<ReceivedMessage[]> {
    signal?.throwIfAborted();
    this.#handedOut.settleLast(this, ACCEPTED);
    return this.#asking.during(maxMessages, async () => {
      const active = this.#asking.activate();
      await (signal === undefined ? active : raceSignal(active, signal));
      if (waitMs === 0) await this.#asking.ask(maxMessages, signal);
      else await this.#waiting.forBatch(maxMessages, performance.now() + waitMs, signal);
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
    return observed(this.#receiver, receive, (message) => (message === undefined ? [] : [message]));
  }

  async #next(loop: object, signal: AbortSignal | undefined): Promise<ReceivedMessage | undefined> {
    signal?.throwIfAborted();
    this.#handedOut.settleLast(loop, ACCEPTED);
    const since = performance.now();
    while (!this.isClosed) {
      const { message, isIdle } = await this.#asking.during(1, async () => {
        const isWaited = await this.#waiting.forOne(since, signal);
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
    if (this.isClosed || this.#asking.isAsked) return;
    // Late or lost: either way nothing is left to wait for.
    await this.#asking.rest().catch(() => undefined);
    // Somebody may have begun to fetch again meanwhile.
    if (!this.#asking.isActive) this.#giveBack();
  }

  /** Takes the credit back; what has come stays for the next call, which gives credit anew. */
  async drain(signal: AbortSignal | undefined): Promise<void> {
    const drained = this.#asking.rest();
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
    this.#asking.close();
    this.#arrivals.wake();
    this.#failures.closing();
    await this.#receiver.stopCredit();
    this.#giveBack();
    await Promise.all([this.#failures.close(timeoutMs), this.#receiver.close(timeoutMs, failure)]);
    this.#handedOut.abortStale(this.#closedError());
  }

  delivered(message: IncomingMessage): void {
    if (message.failure !== undefined) {
      this.#unreadable.add(message);
      return;
    }
    // Without a prefetch nobody else asked for it: the next call may be far away.
    const isUnasked = this.#asking.isByCall && !this.#asking.isAsked && !message.settled;
    if (isUnasked && !this.#receiver.queue.isStream) this.#failures.giveBack(message);
    else this.#arrivals.add(message);
  }

  attached(): void {
    this.#waiting.attached();
    this.#asking.attached();
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
    this.#waiting.failed(error);
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

  /** What a stream has delivered it does not deliver again on this link: it waits for the next call. */
  #giveBack(): void {
    if (!this.#receiver.queue.isStream)
      for (const message of this.#arrivals.takeUnsettled()) this.#failures.giveBack(message);
    this.#receiver.flush();
  }

  /** The policy said `stop`. */
  #stop(error: unknown): void {
    const { address, context } = this.#receiver;
    context.logger.error(`the policy of "${address}" stopped the consumer after ${errorName(error)}`);
    this.#stoppedBy = error;
    void this.close(0, stoppedBy(error, address));
  }

  #closedError(): ClientClosedError {
    const message = `the receive client of "${this.#receiver.address}" is closed`;
    return AmqpError.inOwnWords(new ClientClosedError(message, { cause: this.#stoppedBy }));
  }
}
