// What a user says instead of coding it: the values that a handler's errorPolicy is made of.

import { ACCEPTED, DecodeError, InvalidOptionsError, RELEASED, type Outcome } from '../../protocol/index.js';
import type { Target } from '../address/address.js';
import { checkTarget } from '../address/check-address.js';
import type { Modification } from '../message/received-message.js';
import {
  checkBoolean,
  checkFunction,
  checkMs,
  checkObject,
  checkRecord,
  checkText,
  checkWhole,
} from '../options/check.js';
import { exponential, fixed } from './backoff.js';
import { errorName } from './error-name.js';
import type { Backoff, HandlerPolicy } from './handler-policy.js';
import { markRedelivering, redelivers } from './redelivering.js';

/** Options of {@link policy}'s `retry`. */
export interface RetryOptions {
  /** Calls of the handler in all, the first included. Range: 1 or more. */
  readonly attempts: number;
  /** @default exponential() */
  readonly backoff?: Backoff | undefined;
  /** After the last attempt. @default reject() */
  readonly then?: HandlerPolicy | undefined;
}

/** Options of {@link policy}'s `redeliver`. */
export interface RedeliverOptions {
  /** Deliveries in all, the first included; each before the last goes back as `modified{deliveryFailed}`. Range: 1 or more. */
  readonly maxDeliveries: number;
  /** How long the message is held before it goes back. Unit: milliseconds. @default 0 */
  readonly delayMs?: number | Backoff | undefined;
  /** After the last delivery, and at once where the queue does not count deliveries. @default reject() */
  readonly then?: HandlerPolicy | undefined;
}

/** Options of {@link policy}'s `pause`. */
export interface PauseOptions {
  /**
   * How long the consumer takes no messages. A function is given the pauses in a row, this one included, from 1: in a row are those between
   * which no handler succeeded. Unit: milliseconds. @default exponential({ initialMs: 1_000, maxMs: 60_000 })
   */
  readonly delayMs?: number | Backoff | undefined;
}

/** An error class, or a predicate, and the policy for what matches it. */
// oxlint-disable-next-line typescript/no-explicit-any -- a constructor's arguments (CONVENTIONS.md, rule 15)
export type ErrorCase = readonly [(new (...args: any[]) => Error) | ((error: unknown) => boolean), HandlerPolicy];

function settle(outcome: Outcome): HandlerPolicy {
  const decision = { kind: 'settle', outcome } as const;
  return () => decision;
}

const stop: HandlerPolicy = () => ({ kind: 'stop' });

function reject(condition?: string, description?: string): HandlerPolicy {
  const chosen = checkText(condition, 'policy.reject.condition');
  const said = checkText(description, 'policy.reject.description');
  return (error) => ({
    kind: 'settle',
    // The class name only: messages of unknown errors may hold secrets or personal data.
    outcome: { kind: 'rejected', condition: chosen ?? conditionOf(error), description: said ?? errorName(error) },
  });
}

function conditionOf(error: unknown): string {
  return (error instanceof DecodeError ? error.condition : undefined) ?? 'amqp:internal-error';
}

function modify(change: Modification): HandlerPolicy {
  const given = checkObject(change, 'policy.modify', ['deliveryFailed', 'undeliverableHere', 'messageAnnotations']);
  return settle({
    kind: 'modified',
    deliveryFailed: checkBoolean(given['deliveryFailed'], 'policy.modify.deliveryFailed', false),
    undeliverableHere: checkBoolean(given['undeliverableHere'], 'policy.modify.undeliverableHere', false),
    messageAnnotations: checkRecord(given['messageAnnotations'], 'policy.modify.messageAnnotations'),
  });
}

function deadLetter(target: Target): HandlerPolicy {
  const decision = { kind: 'dead-letter', target: checkTarget(target, 'policy.deadLetter.target') } as const;
  if (decision.target === null)
    throw new InvalidOptionsError('policy.deadLetter.target', "a queue's name, an address or a target object", null);
  return () => decision;
}

function retry(options: RetryOptions): HandlerPolicy {
  const given = checkObject(options, 'policy.retry', ['attempts', 'backoff', 'then']);
  const attempts = needed(given['attempts'], 'policy.retry.attempts');
  const backoff = checkFunction<Backoff>(given['backoff'], 'policy.retry.backoff') ?? exponential();
  const then = checkFunction<HandlerPolicy>(given['then'], 'policy.retry.then') ?? reject();
  const decide: HandlerPolicy = (error, failed) =>
    // A message that could not be read will not be readable after a pause: no handler is called, so there is no attempt to repeat.
    failed.attempt < attempts && !(error instanceof DecodeError)
      ? { kind: 'retry', delayMs: backoff(failed.attempt) }
      : then(error, failed);
  return redelivers(then) ? markRedelivering(decide) : decide;
}

function redeliver(options: RedeliverOptions): HandlerPolicy {
  const given = checkObject(options, 'policy.redeliver', ['maxDeliveries', 'delayMs', 'then']);
  const maxDeliveries = needed(given['maxDeliveries'], 'policy.redeliver.maxDeliveries');
  const then = checkFunction<HandlerPolicy>(given['then'], 'policy.redeliver.then') ?? reject();
  const backoff = checkDelay(given['delayMs'], 'policy.redeliver.delayMs') ?? fixed(0);
  return markRedelivering((error, failed) => {
    const deliveries = failed.deliveryCount + 1;
    // Another delivery will not make it readable.
    const isUnreadable = error instanceof DecodeError;
    if (failed.countsDeliveries === false || deliveries >= maxDeliveries || isUnreadable) return then(error, failed);
    return { kind: 'redeliver', delayMs: backoff(deliveries) };
  });
}

function pause(options: PauseOptions = {}): HandlerPolicy {
  const given = checkObject(options, 'policy.pause', ['delayMs']);
  const backoff =
    checkDelay(given['delayMs'], 'policy.pause.delayMs') ?? exponential({ initialMs: 1_000, maxMs: 60_000 });
  const unreadable = reject();
  return (error, failed) =>
    // It waits for something that will come back; what cannot be read does not.
    error instanceof DecodeError
      ? unreadable(error, failed)
      : { kind: 'pause', delayMs: backoff((failed.pauses ?? 0) + 1) };
}

function byError(cases: readonly ErrorCase[], otherwise: HandlerPolicy = DEFAULT_POLICY): HandlerPolicy {
  if (!Array.isArray(cases))
    throw new InvalidOptionsError('policy.byError', 'a list of [class or predicate, policy]', cases);
  const table = cases.map((entry: unknown, index) => checkCase(entry, `policy.byError[${index}]`));
  const last = checkFunction<HandlerPolicy>(otherwise, 'policy.byError.otherwise') ?? DEFAULT_POLICY;
  const decide: HandlerPolicy = (error, failed) => {
    const found = table.find(({ matches }) => matches(error));
    return (found?.then ?? last)(error, failed);
  };
  return redelivers(last) || table.some(({ then }) => redelivers(then)) ? markRedelivering(decide) : decide;
}

interface Case {
  readonly matches: (error: unknown) => boolean;
  readonly then: HandlerPolicy;
}

function checkCase(entry: unknown, path: string): Case {
  if (!Array.isArray(entry) || entry.length !== 2)
    throw new InvalidOptionsError(path, 'a pair [class or predicate, policy]', entry);
  const [first, second]: unknown[] = entry;
  const matcher = checkFunction<(error: unknown) => boolean>(first, `${path}[0]`);
  const then = checkFunction<HandlerPolicy>(second, `${path}[1]`);
  if (matcher === undefined) throw new InvalidOptionsError(`${path}[0]`, 'an error class or a predicate', first);
  if (then === undefined) throw new InvalidOptionsError(`${path}[1]`, 'a policy', second);
  return { matches: isErrorClass(matcher) ? (error) => error instanceof matcher : matcher, then };
}

function isErrorClass(matcher: (...args: never[]) => unknown): boolean {
  return matcher.prototype === Error.prototype || matcher.prototype instanceof Error;
}

function checkDelay(value: unknown, path: string): Backoff | undefined {
  // True as far as can be seen before it is called.
  if (typeof value === 'function') return value as Backoff;
  return value === undefined ? undefined : fixed(checkMs(value, path, { default: 0 }));
}

function needed(value: unknown, path: string): number {
  const checked = checkWhole(value, path, { min: 1, max: Number.MAX_SAFE_INTEGER, default: undefined });
  if (checked === undefined) throw new InvalidOptionsError(path, 'given: a whole number of at least 1', value);
  return checked;
}

/** What a handler's failure leads to when no `errorPolicy` is given. Ends for every message on every peer. */
export const DEFAULT_POLICY: HandlerPolicy = retry({
  attempts: 3,
  backoff: exponential({ initialMs: 200, maxMs: 5_000 }),
  then: redeliver({ maxDeliveries: 10, delayMs: 1_000, then: reject() }),
});

/**
 * The values of an `errorPolicy`. `accept`, `release` and `stop` are policies; the others make one. All are checked when they are
 * made (InvalidOptionsError), and any function of the same shape may stand in their place.
 */
export const policy = Object.freeze({
  /** Takes the message as handled. */
  accept: settle(ACCEPTED),
  /** Gives it back uncounted; anyone may get it, at once. */
  release: settle(RELEASED),
  /** Releases the message and closes the consumer, whose state becomes `failed`. */
  stop,
  /** The message itself is at fault. Default: `amqp:internal-error` and the error's class name. */
  reject,
  modify,
  /** Sends a copy with the reason in its annotations, then accepts. */
  deadLetter,
  retry,
  redeliver,
  /**
   * Releases the message, uncounted, and pauses the consumer, which resumes by itself: for what fails because something else is down, in
   * `byError`. What cannot be read is rejected.
   */
  pause,
  /** The first match wins; without one `otherwise`, which is the default policy when left out. */
  byError,
  exponential: (options?: Parameters<typeof exponential>[0]): Backoff => exponential(options),
  fixed,
});
