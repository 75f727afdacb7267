// A message arriving, when its handler failed: asks the policy and does what it says.

import { RELEASED, type Outcome } from '../../protocol/index.js';
import type { Target } from '../address/address.js';
import { MAX_TIMER_MS } from '../options/check.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import { exponential } from '../policy/backoff.js';
import { errorName } from '../policy/error-name.js';
import type { HandlerPolicy, PolicyDecision } from '../policy/handler-policy.js';
import { inWords, isDecision, isHarmless, rejection } from '../policy/policy-decision.js';
import { DeadLetters } from './dead-letters.js';
import { FAILED_DELIVERY } from './consumer.js';
import type { Receiver } from './receiver.js';

/** The pause before a message goes back whose dead letter could not be sent, so that it does not come round at once. */
const deadLetterBackoff = exponential({ initialMs: 100, maxMs: 10_000 });

/** One failed message and what it failed with. */
export interface Failure {
  readonly message: IncomingMessage;
  readonly error: unknown;
}

/** What a policy may do to its consumer. */
export interface FailingConsumer {
  stop(error: unknown): void;
  pause(error: unknown, delayMs: number): void;
  /** Those that its policy asked for. */
  readonly pauses: { readonly inRow: number };
}

/** The policy of one consumer at work. */
export class Failures {
  readonly #receiver: Receiver;
  readonly #policy: HandlerPolicy;
  readonly #consumer: FailingConsumer;
  readonly #deadLetters: DeadLetters;
  /** Messages held before they go back, and their timers. */
  readonly #held = new Map<IncomingMessage, { readonly timer: NodeJS.Timeout; readonly outcome: Outcome }>();
  readonly #waits = new Set<() => void>();
  #deadLetterFailures = 0;
  #isClosing = false;

  constructor(receiver: Receiver, policy: HandlerPolicy, consumer: FailingConsumer) {
    this.#receiver = receiver;
    this.#policy = policy;
    this.#consumer = consumer;
    this.#deadLetters = new DeadLetters(receiver.context, () => receiver.options.transactional);
  }

  /** What the policy says. One that throws or answers nonsense rejects the message. */
  async decide(failure: Failure): Promise<PolicyDecision> {
    const decision = await this.#ask(failure);
    const { address, node, consumerName: consumer, observers } = this.#receiver;
    observers.decided({ address, node, consumer, decision, ...failure });
    return decision;
  }

  /** Does everything but `retry`. Never rejects; resolves when the message's slot may be used again. */
  async execute(decision: Exclude<PolicyDecision, { kind: 'retry' }>, failure: Failure): Promise<void> {
    const { message, error } = failure;
    if (message.isStale || message.isDecided) return;
    this.#logDecision(decision, failure);
    switch (decision.kind) {
      case 'settle':
        return this.#settle(message, decision.outcome, error);
      case 'redeliver':
        return this.#redeliver(decision.delayMs ?? 0, failure);
      case 'dead-letter':
        return this.#deadLetter(decision.target, failure);
      case 'pause':
        // First: else it would make room for the next message.
        this.#consumer.pause(error, decision.delayMs);
        return this.#settle(message, decision.outcome ?? RELEASED, error);
      case 'stop':
        this.#settle(message, decision.outcome ?? RELEASED, error);
        return this.#consumer.stop(error);
    }
  }

  /** Uncounted, as if it had not come. */
  giveBack(message: IncomingMessage): void {
    message.settle(RELEASED);
    message.done();
  }

  /** Waits for a retry; `false` when the consumer closes or loses its link first. */
  wait(delayMs: number): Promise<boolean> {
    if (this.#isClosing) return Promise.resolve(false);
    return new Promise((resolve) => {
      const cut = (): void => {
        clearTimeout(timer);
        this.#waits.delete(cut);
        resolve(false);
      };
      const timer = setTimeout(() => {
        this.#waits.delete(cut);
        resolve(true);
      }, delayMs);
      this.#waits.add(cut);
    });
  }

  /** The link is gone: what is held or waits for a retry comes again by itself. */
  lost(): void {
    // Of pre-settled messages nothing comes again: what waits for a retry goes on waiting.
    if (this.#receiver.options.settlement === 'at-most-once') return;
    for (const { timer } of this.#held.values()) clearTimeout(timer);
    this.#held.clear();
    this.#cutWaits();
  }

  /** Nobody waits any more: what is held goes back now. */
  closing(): void {
    this.#isClosing = true;
    this.hurry();
    this.#cutWaits();
  }

  /** What is held before it goes back goes now. @returns how many */
  hurry(): number {
    const held = [...this.#held];
    this.#held.clear();
    for (const [message, { timer, outcome }] of held) {
      clearTimeout(timer);
      message.settle(outcome);
    }
    return held.length;
  }

  close(timeoutMs: number): Promise<void> {
    return this.#deadLetters.close(timeoutMs);
  }

  async #ask({ message, error }: Failure): Promise<PolicyDecision> {
    const { address } = this.#receiver;
    try {
      const decision: unknown = await this.#policy(error, {
        message,
        address,
        attempt: message.attempt,
        deliveryCount: message.deliveryCount,
        countsDeliveries: this.#receiver.queue.countsDeliveries,
        pauses: this.#consumer.pauses.inRow,
      });
      if (isDecision(decision)) return decision;
      this.#log('error', `the errorPolicy of "${address}" answered no decision; the message is rejected`);
    } catch (thrown) {
      this.#log('error', `the errorPolicy of "${address}" threw ${errorName(thrown)}; the message is rejected`);
    }
    return rejection(error);
  }

  #redeliver(delayMs: number, { message, error }: Failure): void {
    if (this.#receiver.queue.countsDeliveries) return this.#hold(message, FAILED_DELIVERY, delayMs);
    const { address } = this.#receiver;
    this.#log('warn', `"${address}" does not count deliveries, so a message that failed is rejected, not redelivered`);
    const { outcome } = rejection(error);
    this.#settle(message, outcome, error);
  }

  async #deadLetter(target: Target, { message, error }: Failure): Promise<void> {
    try {
      await this.#deadLetters.send(target, message, error);
      this.#deadLetterFailures = 0;
      message.done();
    } catch (cause) {
      this.#deadLetterFailures++;
      const why = cause instanceof Error ? cause.message : errorName(cause);
      this.#log(
        'error',
        `a dead letter of "${this.#receiver.address}" could not be sent, the message goes back: ${why}`,
      );
      this.#hold(message, RELEASED, deadLetterBackoff(this.#deadLetterFailures));
    }
  }

  #hold(message: IncomingMessage, outcome: Outcome, delayMs: number): void {
    if (delayMs === 0 || this.#isClosing || message.settled) return this.#settle(message, outcome, undefined);
    const timer = setTimeout(
      () => {
        this.#held.delete(message);
        message.settle(outcome);
      },
      Math.min(delayMs, MAX_TIMER_MS),
    );
    this.#held.set(message, { timer, outcome });
  }

  #settle(message: IncomingMessage, outcome: Outcome, error: unknown): void {
    try {
      message.settle(outcome);
    } catch (cause) {
      // An outcome that cannot be encoded (annotations, info) must not leave the message in hand.
      this.#log(
        'error',
        `an outcome for "${this.#receiver.address}" cannot be sent (${errorName(cause)}); it is rejected`,
      );
      const { outcome: plain } = rejection(error);
      message.settle(plain);
    }
    message.done();
  }

  #cutWaits(): void {
    for (const cut of this.#waits) cut();
  }

  #logDecision(decision: PolicyDecision, { message, error }: Failure): void {
    const what = `"${this.#receiver.address}": ${errorName(error)} on attempt ${message.attempt}, delivery ${message.deliveryCount + 1}`;
    const level = decision.kind === 'redeliver' || isHarmless(decision) ? 'debug' : 'warn';
    this.#log(level, `${what}: ${inWords(decision)}`);
  }

  #log(level: 'debug' | 'warn' | 'error', line: string): void {
    const { logger } = this.#receiver.context;
    if (level === 'debug') logger.debug?.(line);
    else logger[level](line);
  }
}
