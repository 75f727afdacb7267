// A message arriving: one place among the `concurrency` handler calls. Made once, used for one message (or batch) after another.

import { AmqpError, ACCEPTED } from '../../protocol/index.js';
import type { DeadlineEntry, DeadlineSweeper } from '../client-context.js';
import { AmqpTimeoutError, SettlementError } from '../errors.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import { AnsweredFailure } from '../observer/answered-failure.js';
import { failuresOf } from './batch-failures.js';
import type { Failure } from './failures.js';
import { ObservedCall, type ObservedCallParts } from './observed-call.js';
import type { OnceOnly } from './once-only.js';
import type { PolicyPauses } from './policy-pauses.js';
import type { Recovery } from './recovery.js';
import type { ResolvedSubscribeOptions } from './subscribe-options.js';

/** What the slots of one consumer share. */
export interface SlotParts extends ObservedCallParts {
  readonly options: ResolvedSubscribeOptions;
  readonly deadlines: DeadlineSweeper;
  readonly recovery: Recovery;
  readonly onceOnly: OnceOnly | undefined;
  readonly pauses: PolicyPauses;
  /** The slot is free again; `message` (or batch) is what it was used for. */
  finished(slot: HandlerSlot, work: IncomingMessage | readonly IncomingMessage[]): void;
  /** Something failed that must not. */
  broken(error: unknown): void;
}

const NOTHING: readonly IncomingMessage[] = [];

/** Calls the handler, settles by what it did, and leaves everything unusual to `recover`. */
export class HandlerSlot implements DeadlineEntry {
  deadlineAt = 0;
  sweepSlot: number | undefined = undefined;
  readonly #parts: SlotParts;
  readonly #settlement: 'auto' | 'manual' | 'at-most-once';
  #message: IncomingMessage | undefined = undefined;
  #batch: readonly IncomingMessage[] = NOTHING;
  /** What of the batch the handler is called with: all at first, those to retry later. */
  #called: readonly IncomingMessage[] = NOTHING;
  readonly #observed: ObservedCall;
  #isTimedOut = false;
  #endOfCall: (() => void) | undefined = undefined;

  constructor(parts: SlotParts) {
    this.#parts = parts;
    this.#settlement = parts.options.settlement;
    this.#observed = new ObservedCall(parts);
  }

  /** Messages whose handler is running, or that wait for a retry. */
  get messages(): readonly IncomingMessage[] {
    return this.#message === undefined ? this.#batch : [this.#message];
  }

  /** Those that the handler was called with last: of a batch that is tried again only some. */
  get #inCall(): readonly IncomingMessage[] {
    return this.#message === undefined ? this.#called : [this.#message];
  }

  runOne(message: IncomingMessage): void {
    this.#message = message;
    if (message.failure !== undefined) this.#recoverUnhandled(message, message.failure);
    else if (this.#parts.onceOnly !== undefined) void this.#runUnlessDone(message, this.#parts.onceOnly);
    else this.#call();
  }

  runBatch(batch: readonly IncomingMessage[]): void {
    this.#batch = batch;
    this.#called = batch;
    this.#call();
  }

  /** The handler's time is over; it keeps the slot until it really ends. */
  expired(): void {
    this.#isTimedOut = true;
    const { address, options } = this.#parts;
    const error = AmqpError.inOwnWords(
      new AmqpTimeoutError(
        `the handler of "${address()}" took longer than handlerTimeoutMs (${options.handlerTimeoutMs})`,
      ),
    );
    for (const message of this.#inCall) message.abort(error);
    this.#recoverFrom(error);
  }

  #call(): void {
    const input = this.#message ?? this.#called;
    let result: unknown;
    try {
      const { observers, handler } = this.#parts;
      result = observers.watchesDeliveries ? this.#observed.call(this.#inCall, input) : handler(input);
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (typeof result !== 'object' || result === null || !('then' in result) || typeof result.then !== 'function') {
      this.#succeeded(result);
      return;
    }
    const { handlerTimeoutMs } = this.#parts.options;
    if (handlerTimeoutMs > 0) {
      this.deadlineAt = performance.now() + handlerTimeoutMs;
      this.#parts.deadlines.add(this);
    }
    // The two functions are the slot's own: nothing is made per call but the promise.
    const promise = result instanceof Promise ? result : Promise.resolve(result);
    promise.then(this.#fulfilled, this.#rejected);
  }

  readonly #fulfilled = (result: unknown): void => {
    if (this.#parts.options.handlerTimeoutMs > 0) this.#parts.deadlines.remove(this);
    if (this.#isTimedOut) this.#endOfCall?.();
    else this.#succeeded(result);
  };

  readonly #rejected = (error: unknown): void => {
    if (this.#parts.options.handlerTimeoutMs > 0) this.#parts.deadlines.remove(this);
    if (this.#isTimedOut) this.#endOfCall?.();
    else this.#failed(error);
  };

  #succeeded(result: unknown): void {
    const message = this.#message;
    if (message === undefined) {
      this.#completeBatch(this.#called, []);
      return;
    }
    // What is left unsettled is the policy's: it is told as a failure then, and nothing is remembered of it before that has decided.
    const isLeft = this.#isLeftUnsettled(message);
    if (this.#observed.isUnderWay && !isLeft)
      this.#observed.end(result instanceof AnsweredFailure ? [{ message, error: result.error }] : []);
    if (this.#parts.onceOnly === undefined || isLeft) this.#complete(message);
    else void this.#parts.onceOnly.end(message, true).then(() => this.#complete(message));
  }

  #complete(message: IncomingMessage): void {
    if (this.#isLeftUnsettled(message)) {
      this.#recoverFrom(this.#notSettled(message));
      return;
    }
    if (this.#settlement !== 'manual' && !message.settled) message.settle(ACCEPTED);
    message.done();
    this.#parts.pauses.succeeded();
    this.#finish();
  }

  /** Also what was settled in a transaction that came to nothing: returning after that is not meant as an acceptance. */
  #isLeftUnsettled(message: IncomingMessage): boolean {
    return (this.#settlement === 'manual' || message.wasRolledBack) && !message.settled && !message.isStale;
  }

  #failed(error: unknown): void {
    if (this.#message !== undefined) {
      this.#recoverFrom(error);
      return;
    }
    this.#completeBatch(this.#called, failuresOf(this.#called, error));
  }

  /** Those of the batch that did not fail are done. */
  #completeBatch(called: readonly IncomingMessage[], failures: readonly Failure[]): void {
    const failed = new Map(failures.map((failure) => [failure.message, failure]));
    for (const message of called) {
      if (failed.has(message) || message.isDecided) continue;
      if (this.#isLeftUnsettled(message)) failed.set(message, { message, error: this.#notSettled(message) });
      else if (this.#settlement !== 'manual') message.settle(ACCEPTED);
      message.done();
    }
    if (failed.size < called.length) this.#parts.pauses.succeeded();
    if (failed.size === 0) {
      this.#observed.end([]);
      this.#finish();
    } else void this.#recover([...failed.values()]);
  }

  /** What cannot be read or put in its order: observers hear of it as of a call that failed. */
  #recoverUnhandled(message: IncomingMessage, failure: { readonly error: unknown }): void {
    if (this.#parts.observers.watchesDeliveries) this.#observed.unhandled(message, failure);
    this.#recoverFrom(failure.error);
  }

  #recoverFrom(error: unknown): void {
    void this.#recover(this.#inCall.map((message) => ({ message, error })));
  }

  /** Off the hot path: asks the policy, does what it says, calls the handler again or gives the slot back. */
  async #recover(failures: readonly Failure[]): Promise<void> {
    // Of a call that timed out: it may still run, and nothing of it may run beside it.
    const ended = this.#isTimedOut ? new Promise<void>((resolve) => (this.#endOfCall = resolve)) : undefined;
    try {
      const retries = await this.#observed.endIn(failures, () => this.#parts.recovery.apply(failures));
      await ended;
      this.#isTimedOut = false;
      this.#endOfCall = undefined;
      const again = await this.#parts.recovery.waitFor(retries);
      if (again.length > 0) {
        this.#callAgain(again);
        return;
      }
    } catch (error) {
      this.#parts.broken(error);
    }
    this.#finish();
  }

  #callAgain(messages: readonly IncomingMessage[]): void {
    for (const message of messages) message.nextAttempt();
    if (this.#message === undefined) this.#called = messages;
    const message = this.#message;
    if (message?.failure === undefined) this.#call();
    else this.#recoverUnhandled(message, message.failure);
  }

  async #runUnlessDone(message: IncomingMessage, onceOnly: OnceOnly): Promise<void> {
    try {
      const verdict = await onceOnly.begin(message);
      if (verdict === 'run') this.#call();
      else {
        if (verdict === 'done') message.settle(ACCEPTED);
        else this.#parts.recovery.giveBack(message);
        message.done();
        this.#finish();
      }
    } catch (error) {
      this.#recoverFrom(error);
    }
  }

  #finish(): void {
    const message = this.#message;
    const work = message ?? this.#batch;
    this.#message = undefined;
    this.#batch = NOTHING;
    this.#called = NOTHING;
    this.#parts.finished(this, work);
  }

  #notSettled({ wasRolledBack }: IncomingMessage): SettlementError {
    const why = wasRolledBack
      ? 'after the transaction was rolled back that its message was settled in'
      : "without settling its message (settlement: 'manual')";
    return AmqpError.inOwnWords(
      new SettlementError('not-settled', `the handler of "${this.#parts.address()}" ended ${why}`),
    );
  }
}
