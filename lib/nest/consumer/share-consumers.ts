// Handlers with `when` on one source become one consumer: which belong together, and what their options say together.

import { isDeepStrictEqual } from 'node:util';

import { InvalidOptionsError } from '../../client/index.js';
import type { AmqpSubscribeOptions, SubscribeDeclaration } from '../amqp-subscribe.decorator.js';
import type { DiscoveredHandler } from './discover-handlers.js';
import { type AmqpMatch, checkMatch } from './message-match.js';

/** One decorator on one method. */
export interface NamedDeclaration {
  readonly handler: DiscoveredHandler;
  readonly declaration: SubscribeDeclaration;
}

/** One of the methods that a consumer calls. */
export interface SharingHandler {
  readonly method: string;
  readonly handler: DiscoveredHandler;
  readonly when: AmqpMatch;
  readonly errorPolicy: AmqpSubscribeOptions['errorPolicy'];
}

/** What makes one consumer; `sharing` where its messages go to one handler or another. */
export interface ConsumerDeclaration extends NamedDeclaration {
  readonly name: string;
  readonly sharing: readonly SharingHandler[] | undefined;
}

/**
 * In the order of the first of each. A shared consumer has the one `name` that is given, or that of its first handler. Of a class that is a
 * provider of several modules the instance that is found first handles.
 * @throws InvalidOptionsError for options that contradict each other, and the same `when` twice
 */
export function shareConsumers(named: ReadonlyMap<string, NamedDeclaration>): ConsumerDeclaration[] {
  const groups: [string, NamedDeclaration][][] = [];
  for (const entry of named) {
    const { options } = entry[1].declaration;
    const together = options.when === undefined ? undefined : groups.find(([first]) => isShared(first, entry));
    if (together === undefined) groups.push([entry]);
    else together.push(entry);
  }
  return groups.flatMap(([first, ...others]) => (first === undefined ? [] : [joined(first, others)]));
}

type Entry = [string, NamedDeclaration];

function isShared(first: Entry | undefined, [, { declaration }]: Entry): boolean {
  return first !== undefined && areOneConsumer(first[1].declaration, declaration);
}

/** Whether their handlers share one. */
export function areOneConsumer(one: SubscribeDeclaration, other: SubscribeDeclaration): boolean {
  return one.options.when !== undefined && other.options.when !== undefined && isSameSource(one, other);
}

function isSameSource(one: SubscribeDeclaration, other: SubscribeDeclaration): boolean {
  const [connection = 'default', otherConnection = 'default'] = [one.options.connection, other.options.connection];
  return connection === otherConnection && isDeepStrictEqual(longForm(one.source), longForm(other.source));
}

/** `'orders'` and `{ queue: 'orders' }` are one; functions are the same only where they are one function. */
function longForm(source: unknown): unknown {
  if (Array.isArray(source)) return source.length === 1 ? longForm(source[0]) : source.map(longForm);
  if (typeof source === 'object' && source !== null)
    return Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined && value !== false));
  if (typeof source !== 'string') return source;
  return source.startsWith('/') || source.includes('://') ? { address: source } : { queue: source };
}

function joined([firstName, first]: Entry, others: readonly Entry[]): ConsumerDeclaration {
  const { source, options } = first.declaration;
  if (options.when === undefined) return { name: firstName, ...first, sharing: undefined };
  const sharing: SharingHandler[] = [];
  const together = new SharedOptions();
  const seen = new Set<SubscribeDeclaration>();
  let name: string | undefined;
  for (const [its, { handler, declaration }] of [[firstName, first] as Entry, ...others]) {
    if (seen.has(declaration)) continue;
    seen.add(declaration);
    const { when: written, errorPolicy, ...rest } = declaration.options;
    const when = checkMatch(written, `${its}.when`);
    const method = `${handler.className}.${handler.methodName}`;
    const same = sharing.find((one) => isDeepStrictEqual(one.when, when));
    if (when === undefined || same !== undefined)
      throw new InvalidOptionsError(`${its}.when`, `another than that of ${same?.method}, which is asked first`, when);
    sharing.push({ method, handler, when, errorPolicy });
    together.add(its, rest);
    if (rest.name !== undefined) name ??= its;
  }
  return { name: name ?? firstName, handler: first.handler, declaration: { source, options: together.all }, sharing };
}

/** What stands at one of the methods, or at several in the same words. */
class SharedOptions {
  readonly #given = new Map<string, { readonly value: unknown; readonly by: string }>();

  /** @throws InvalidOptionsError for one that has another value elsewhere */
  add(by: string, options: AmqpSubscribeOptions): void {
    for (const [option, value] of Object.entries(options)) {
      const taken = this.#given.get(option);
      if (value === undefined) continue;
      if (taken === undefined) this.#given.set(option, { value, by });
      else if (!isSameOption(taken.value, value))
        throw new InvalidOptionsError(
          `${by}.${option}`,
          `left out, or as at ${taken.by}: both are one consumer`,
          value,
        );
    }
  }

  get all(): AmqpSubscribeOptions {
    // true: each value is that of an option of this name
    return Object.fromEntries([...this.#given].map(([option, { value }]) => [option, value]));
  }
}

/** By value where it is plain; what has a class of its own may hold what cannot be seen. */
function isSameOption(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  const [its, theirs] = [entriesOf(one), entriesOf(other)];
  if (its === undefined || theirs === undefined || its.length !== theirs.length) return false;
  return its.every(([name, value], at) => theirs[at]?.[0] === name && isSameOption(value, theirs[at][1]));
}

function entriesOf(value: unknown): [string, unknown][] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)) : undefined;
}
