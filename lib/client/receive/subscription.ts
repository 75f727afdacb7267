import { AmqpError } from '../../protocol/index.js';
import { deadline, raceSignal } from '../deadline.js';
import { ClientClosedError } from '../errors.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import { errorName } from '../policy/error-name.js';
import { Failures } from './failures.js';
import { HandlerRuntime } from './handler-runtime.js';
import { OnceOnly } from './once-only.js';
import { Recovery } from './recovery.js';
import type { Consumer, Receiver } from './receiver.js';
import type { ResolvedSubscribeOptions } from './subscribe-options.js';

/** A running handler on one source. */
export interface Subscription {
  /**
   * `starting`: not attached, now or again. `paused`: by `pause()` or `autoStart: false`. `failed`: refused, and
   * `resume()` tries anew; or stopped by the policy, which is final as `closed` is.
   */
  readonly state: 'starting' | 'running' | 'paused' | 'closed' | 'failed';
  /** Why it failed. */
  readonly error?: AmqpError | undefined;
  /** Unsettled messages here, never above the prefetch. */
  readonly inHand: number;
  /** Resolves when it is attached; rejects with what made it fail, or ClientClosedError. */
  ready(): Promise<void>;
  /** Takes the credit back and gives back what no handler has seen. Handlers that run go on; it does not wait for them. */
  pause(): Promise<void>;
  /** Resolves when messages can come again. Rejects ClientClosedError, or with what the attach fails with. */
  resume(): Promise<void>;
  /**
   * Takes the credit back, waits up to `timeoutMs` (20 000) for the handlers, settles, gives back what no handler has seen, detaches.
   * Never rejects; a second call waits for the first. Not to be awaited inside the handler, which it waits for.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
}

const CLOSE_TIMEOUT_MS = 20_000;

/** Ties a receiver to a handler. */
export class HandlerSubscription implements Subscription, Consumer {
  readonly #receiver: Receiver;
  readonly #options: ResolvedSubscribeOptions;
  readonly #failures: Failures;
  readonly #runtime: HandlerRuntime;
  readonly #onClosed: () => void;
  #state: Subscription['state'] = 'paused';
  #error: AmqpError | undefined = undefined;
  /** Messages that come although no credit is out go back at once. */
  #givesBack = false;
  /** Pauses and resumes happen one after another. */
  #changes: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined = undefined;
  #waiters: { resolve(): void; reject(error: unknown): void }[] = [];

  /** @param onClosed once, after `close` */
  constructor(
    receiver: Receiver,
    handler: (input: unknown) => unknown,
    options: ResolvedSubscribeOptions,
    onClosed: () => void,
  ) {
    this.#receiver = receiver;
    this.#options = options;
    this.#onClosed = onClosed;
    this.#failures = new Failures(receiver, options.errorPolicy, (error) => this.#stop(error));
    const { deadlines, logger } = receiver.context;
    const { idempotency } = options;
    const warn = (what: string): void => logger.warn(`"${receiver.address}": ${what}`);
    const onceOnly = idempotency && new OnceOnly(idempotency, (delayMs) => this.#failures.wait(delayMs), warn);
    this.#runtime = new HandlerRuntime(options, {
      address: () => receiver.address,
      handler,
      observers: receiver.observers,
      deadlines,
      recovery: new Recovery(this.#failures, onceOnly),
      onceOnly,
      broken: (error) => logger.error(`"${receiver.address}": ${errorName(error)} while a failure was handled`),
    });
    receiver.consumeWith(this);
    if (!options.autoStart) return;
    this.#state = 'starting';
    // What it fails with is told as the state, and to those who wait for ready().
    this.#begin('endless').catch(() => undefined);
  }

  get state(): Subscription['state'] {
    return this.#state;
  }

  get error(): AmqpError | undefined {
    return this.#error;
  }

  get inHand(): number {
    return this.#receiver.inHand;
  }

  ready(): Promise<void> {
    if (this.#state === 'running' || (this.#state === 'paused' && this.#receiver.isAttached)) return Promise.resolve();
    if (this.#state === 'failed') return Promise.reject(this.#error ?? this.#closedError());
    if (this.#closing !== undefined) return Promise.reject(this.#closedError());
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  pause(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(this.#closedError());
    if (this.#state === 'running' || this.#state === 'starting') {
      this.#state = 'paused';
      this.#runtime.shut();
      void this.#change(() => this.#stopIntake());
    }
    return this.#changes;
  }

  resume(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(this.#closedError());
    if (this.#state === 'running' || this.#state === 'starting') return this.ready();
    this.#state = 'starting';
    this.#error = undefined;
    return this.#change(() => this.#begin('bounded'));
  }

  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs ?? CLOSE_TIMEOUT_MS);
    return this.#closing;
  }

  // What the receiver says.

  delivered(message: IncomingMessage): void {
    if (this.#givesBack && !message.settled) this.#failures.giveBack(message);
    else this.#runtime.deliver(message);
  }

  attached(): void {
    if (this.#state === 'starting') this.#state = 'running';
    this.#tellWaiters((waiter) => waiter.resolve());
  }

  lost(error: AmqpError): void {
    if (this.#state === 'running') this.#state = 'starting';
    this.#dropStale(error);
  }

  failed(error: AmqpError): void {
    if (this.#closing === undefined) this.#fail(error);
    this.#dropStale(error);
  }

  /** After the change before it, whose failure is its own caller's. */
  #change(work: () => Promise<void>): Promise<void> {
    const change = this.#changes.then(work);
    this.#changes = change.catch(() => undefined);
    return change;
  }

  async #begin(patience: 'bounded' | 'endless'): Promise<void> {
    // Paused or closed again before it came to this.
    if (this.#state !== 'starting') return;
    this.#givesBack = false;
    this.#runtime.open();
    this.#receiver.setPrefetch(this.#options.prefetch);
    if (this.#receiver.isAttached) this.attached();
    else await this.#receiver.start(patience);
  }

  async #stopIntake(): Promise<void> {
    await this.#receiver.stopCredit();
    this.#giveBackUnstarted();
    this.#receiver.flush();
  }

  async #close(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    const left = (): number => Math.max(0, until - performance.now());
    if (this.#state !== 'failed') this.#state = 'closed';
    this.#runtime.shut();
    this.#failures.closing();
    const reason = this.#closedError();
    const patience = deadline(timeoutMs, () => reason);
    const drained = raceSignal(this.#receiver.stopCredit(), patience.signal);
    await Promise.allSettled([drained, this.#runtime.idle(timeoutMs)]);
    patience.done();
    for (const message of this.#runtime.messages) message.abort(reason);
    this.#receiver.flush();
    this.#giveBackUnstarted();
    this.#receiver.flush();
    await Promise.all([this.#failures.close(left()), this.#receiver.close(left())]);
    this.#tellWaiters((waiter) => waiter.reject(reason));
    this.#onClosed();
  }

  #giveBackUnstarted(): void {
    this.#givesBack = true;
    for (const message of this.#runtime.takeUnstarted()) this.#failures.giveBack(message);
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
    this.#fail(
      error instanceof AmqpError
        ? error
        : new AmqpError('stopped', `the policy of ${address} stopped the consumer`, { cause: error }),
    );
    void this.close();
  }

  #fail(error: AmqpError): void {
    this.#state = 'failed';
    this.#error = error;
    this.#runtime.shut();
    this.#tellWaiters((waiter) => waiter.reject(error));
  }

  #tellWaiters(tell: (waiter: { resolve(): void; reject(error: unknown): void }) => void): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    waiters.forEach(tell);
  }

  #closedError(): ClientClosedError {
    return new ClientClosedError(`the consumer of "${this.#receiver.address}" is closed`);
  }
}
