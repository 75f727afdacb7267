import { AmqpError, RELEASED } from '../../protocol/index.js';
import { deadline, raceSignal } from '../deadline.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import { errorName } from '../policy/error-name.js';
import { resolveAdjustment } from './adjustment.js';
import { Failures } from './failures.js';
import type { HandlerRuntime } from './handler-runtime.js';
import { IdleWatch } from './idle-watch.js';
import { Intake } from './intake.js';
import { FAILED_DELIVERY, type Consumer } from './consumer.js';
import { PolicyPauses } from './policy-pauses.js';
import type { Receiver } from './receiver.js';
import { runtimeOf } from './runtime-of.js';
import { pausedBy, stoppedBy } from './stopped-by.js';
import type { ResolvedSubscribeOptions } from './subscribe-options.js';
import type { Subscription } from './subscription.js';
import { SubscriptionState } from './subscription-state.js';

const CLOSE_TIMEOUT_MS = 20_000;

/** Ties a receiver to a handler. */
export class HandlerSubscription implements Subscription, Consumer {
  readonly takenBy = 'subscription';
  readonly #receiver: Receiver;
  readonly #options: ResolvedSubscribeOptions;
  readonly #failures: Failures;
  readonly #pauses = new PolicyPauses();
  readonly #runtime: HandlerRuntime;
  readonly #onClosed: () => void;
  readonly #idle: IdleWatch | undefined;
  #prefetch: number;
  readonly #state: SubscriptionState;
  readonly #intake: Intake;
  /** Pauses and resumes happen one after another. */
  #changes: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined = undefined;
  #closed: Promise<void> | undefined = undefined;

  /** @param onClosed once, after `close` */
  constructor(
    receiver: Receiver,
    handler: (input: unknown) => unknown,
    options: ResolvedSubscribeOptions,
    onClosed: () => void,
  ) {
    this.#receiver = receiver;
    this.#options = options;
    this.#prefetch = options.prefetch;
    this.#onClosed = onClosed;
    this.#failures = new Failures(receiver, options.errorPolicy, {
      stop: (error) => this.#stop(error),
      pause: (error, delayMs) => this.#pauseFor(error, delayMs),
      pauses: this.#pauses,
    });
    this.#state = new SubscriptionState({
      address: () => receiver.address,
      onState: options.onState,
      broken: (line) => receiver.context.logger.error(line),
    });
    this.#runtime = runtimeOf(receiver, handler, options, this.#failures, this.#pauses);
    this.#intake = new Intake(receiver, this.#runtime, this.#failures);
    const { idleTimeoutMs } = options;
    if (idleTimeoutMs > 0)
      this.#idle = new IdleWatch(
        idleTimeoutMs,
        () => this.#runtime.workedAt,
        () => void this.close(),
      );
    receiver.consumerName = options.name;
    receiver.consumeWith(this);
    if (!options.autoStart) return;
    this.#become('starting');
    // What it fails with is told as the state, and to those who wait for ready().
    this.#begin('endless').catch(() => undefined);
  }

  get state(): Subscription['state'] {
    return this.#state.current;
  }

  get error(): AmqpError | undefined {
    return this.#state.error;
  }

  get inHand(): number {
    // A link forgets what was handed to it within a transaction before that is committed.
    return this.#receiver.inHand + this.#runtime.messages.filter(({ isInCommit }) => isInCommit).length;
  }

  ready(): Promise<void> {
    const { current } = this.#state;
    if (current === 'running' || (current === 'paused' && this.#receiver.isAttached)) return Promise.resolve();
    if (current !== 'failed' && this.#closing !== undefined) return Promise.reject(this.#state.closedError());
    return this.#state.whenReady();
  }

  pause(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(this.#state.closedError());
    this.#pauses.end();
    // One of the policy's is the user's from now on.
    if (this.#state.current === 'paused' && this.error !== undefined) this.#become('paused');
    this.#takeNoMore();
    return this.#changes;
  }

  resume(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(this.#state.closedError());
    this.#pauses.end();
    if (this.#state.isActive) return this.ready();
    this.#become('starting');
    return this.#change(() => this.#begin('bounded'));
  }

  async adjust(change: { readonly prefetch?: number; readonly concurrency?: number }): Promise<void> {
    if (this.#closing !== undefined) throw this.#state.closedError();
    const leastPrefetch = Math.max(1, this.#options.batch?.maxMessages ?? 1);
    const { prefetch = this.#prefetch, concurrency } = resolveAdjustment(change, leastPrefetch);
    if (concurrency !== undefined) this.#runtime.setConcurrency(concurrency);
    await this.#change(async () => {
      const isLess = prefetch < this.#prefetch;
      this.#prefetch = prefetch;
      if (isLess && this.#state.isActive) await this.#receiver.stopCredit();
      if (this.#state.isActive) this.#receiver.setPrefetch(prefetch);
    });
  }

  recover(): Promise<number> {
    if (this.#closing !== undefined) return Promise.reject(this.#state.closedError());
    // Of pre-settled messages nothing comes again, nor of a stream on this link.
    if (this.#options.settlement === 'at-most-once' || this.#receiver.queue.isStream) return Promise.resolve(0);
    const unstarted = this.#intake.takeUnstarted();
    const running = this.#runtime.messages.filter((message) => !message.isDecided);
    for (const message of unstarted) this.#failures.giveBack(message);
    const reason = AmqpError.inOwnWords(
      new AmqpError('aborted', `the message from "${this.#receiver.address}" was given back by recover()`),
    );
    for (const message of running) {
      message.settle(RELEASED);
      message.abort(reason);
    }
    const held = this.#failures.hurry();
    this.#receiver.flush();
    return Promise.resolve(unstarted.length + running.length + held);
  }

  ended(): Promise<void> {
    if (this.#state.current !== 'failed' && this.#closing !== undefined) return this.#closing;
    return this.#state.whenEnded();
  }

  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#closeForGood(options.timeoutMs ?? CLOSE_TIMEOUT_MS);
    return this.#closed;
  }

  // What the receiver says.

  delivered(message: IncomingMessage): void {
    this.#idle?.touch();
    this.#intake.deliver(message);
  }

  attached(): void {
    if (this.#state.current === 'starting') this.#become('running');
    if (this.#state.current === 'running') this.#idle?.start();
    this.#state.tellReady();
  }

  lost(error: AmqpError): void {
    if (this.#state.isActive) this.#become('starting', error);
    this.#dropStale(error);
  }

  failed(error: AmqpError): void {
    if (this.#closing === undefined) this.#fail(error);
    this.#dropStale(error);
  }

  /** One whose handler runs is the policy's if that fails; any other goes back. */
  rolledBack(message: IncomingMessage): void {
    if (!this.#runtime.messages.includes(message)) message.settle(FAILED_DELIVERY);
  }

  /** After the change before it, whose failure is its own caller's. */
  #change(work: () => Promise<void>): Promise<void> {
    const change = this.#changes.then(work);
    this.#changes = change.catch(() => undefined);
    return change;
  }

  async #begin(patience: 'bounded' | 'endless'): Promise<void> {
    // Paused or closed again before it came to this. It may run already, by a link that came while a pause between was waiting.
    if (!this.#state.isActive) return;
    this.#intake.open();
    this.#receiver.setPrefetch(this.#prefetch);
    if (this.#receiver.isAttached) this.attached();
    else await this.#receiver.start(patience);
  }

  /** @param why where it is the policy's wish */
  #takeNoMore(why?: AmqpError): void {
    if (!this.#state.isActive) return;
    this.#become('paused', why);
    this.#runtime.shut();
    void this.#change(() => this.#intake.stop());
  }

  /** The policy said `pause`; of several at once the first counts. */
  #pauseFor(error: unknown, delayMs: number): void {
    if (!this.#state.isActive) return;
    const { address, context } = this.#receiver;
    this.#pauses.begin(delayMs, () => {
      context.logger.log(`"${address}": the consumer goes on after a pause of its policy`);
      this.#become('starting');
      // What it fails with is told as the state.
      this.#change(() => this.#begin('endless')).catch(() => undefined);
    });
    this.#takeNoMore(pausedBy(error, address));
  }

  /** What its policy stopped before is in view until then. */
  async #closeForGood(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    await this.#closing;
    this.#receiver.dismiss();
    this.#onClosed();
  }

  /** @param failure that of a policy */
  async #close(timeoutMs: number, failure?: AmqpError): Promise<void> {
    const until = performance.now() + timeoutMs;
    const left = (): number => Math.max(0, until - performance.now());
    if (this.#state.current !== 'failed') this.#become('closed');
    this.#pauses.end();
    this.#runtime.shut();
    this.#failures.closing();
    const reason = this.#state.closedError();
    const patience = deadline(timeoutMs, () => reason);
    const drained = raceSignal(this.#receiver.stopCredit(), patience.signal);
    await Promise.allSettled([drained, this.#runtime.idle(timeoutMs)]);
    patience.done();
    for (const message of this.#runtime.messages) message.abort(reason);
    this.#receiver.flush();
    this.#intake.close();
    await Promise.all([this.#failures.close(left()), this.#receiver.close(left(), failure)]);
    this.#state.tellEnded();
  }

  #dropStale(error: AmqpError): void {
    this.#failures.lost();
    for (const message of this.#runtime.messages) if (message.isStale) message.abort(error);
    this.#runtime.dropStale();
  }

  /** The policy said `stop`. */
  #stop(error: unknown): void {
    if (this.#closing !== undefined) return;
    const address = `"${this.#receiver.address}"`;
    this.#receiver.context.logger.error(`the policy of ${address} stopped the consumer after ${errorName(error)}`);
    const failure = stoppedBy(error, this.#receiver.address);
    this.#fail(failure);
    // Whoever was told may have closed it.
    this.#closing ??= this.#close(CLOSE_TIMEOUT_MS, failure);
  }

  #fail(error: AmqpError): void {
    this.#idle?.stop();
    this.#pauses.end();
    this.#runtime.shut();
    this.#state.fail(error);
  }

  #become(state: Subscription['state'], error?: AmqpError): void {
    if (state !== 'running') this.#idle?.stop();
    this.#state.become(state, error);
  }
}
