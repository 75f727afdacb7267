// Handlers with `when` on one source become one consumer: which belong together, and what their options say together.

import { isDeepStrictEqual } from 'node:util';

import { InvalidOptionsError } from '../../client/index.js';
import type { AmqpSubscribeOptions, SubscribeDeclaration } from '../amqp-subscribe.decorator.js';
import type { DiscoveredHandler } from './discover-handlers.js';
import type { AmqpMatch } from './message-match.js';

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
 * In the order of the first of each. A shared consumer has the one `name` that is given, or that of its first handler.
 * @throws InvalidOptionsError for options that contradict each other, the same `when` twice, and a handler of the same source without one
 */
export function shareConsumers(named: ReadonlyMap<string, NamedDeclaration>): ConsumerDeclaration[] {
  const groups: [string, NamedDeclaration][][] = [];
  for (const entry of named) {
    const { options } = entry[1].declaration;
    const together = options.when === undefined ? undefined : groups.find(([first]) => isShared(first, entry));
    if (together === undefined) groups.push([entry]);
    else together.push(entry);
  }
  for (const [first] of groups) if (first !== undefined) checkAlone(first, named);
  return groups.flatMap(([first, ...others]) => (first === undefined ? [] : [joined(first, others)]));
}

type Entry = [string, NamedDeclaration];

function isShared(first: Entry | undefined, [, { declaration }]: Entry): boolean {
  return first?.[1].declaration.options.when !== undefined && isSameSource(first[1].declaration, declaration);
}

function isSameSource(one: SubscribeDeclaration, other: SubscribeDeclaration): boolean {
  const [connection = 'default', otherConnection = 'default'] = [one.options.connection, other.options.connection];
  return connection === otherConnection && isDeepStrictEqual(longForm(one.source), longForm(other.source));
}

/** `'orders'` and `{ queue: 'orders' }` are one; functions are the same only where they are one function. */
function longForm(source: unknown): unknown {
  if (Array.isArray(source)) return source.length === 1 ? longForm(source[0]) : source.map(longForm);
  if (typeof source !== 'string') return source;
  return source.startsWith('/') || source.includes('://') ? { address: source } : { queue: source };
}

/** One without `when` would be a second consumer that takes messages away from those with it. */
function checkAlone([name, { declaration }]: Entry, named: ReadonlyMap<string, NamedDeclaration>): void {
  if (declaration.options.when !== undefined) return;
  for (const [other, { declaration: its }] of named) {
    if (its.options.when === undefined || !isSameSource(declaration, its)) continue;
    throw new InvalidOptionsError(`${name}.when`, `given, since ${other} on the same source has one`, undefined);
  }
}

function joined([firstName, first]: Entry, others: readonly Entry[]): ConsumerDeclaration {
  const { source, options } = first.declaration;
  if (options.when === undefined) return { name: firstName, ...first, sharing: undefined };
  const entries: readonly Entry[] = [[firstName, first], ...others];
  const sharing: SharingHandler[] = [];
  const shared: Record<string, { readonly value: unknown; readonly by: string }> = {};
  let name = firstName;
  for (const [its, { handler, declaration }] of entries) {
    const { when, errorPolicy, ...rest } = declaration.options;
    const method = `${handler.className}.${handler.methodName}`;
    const same = sharing.find((one) => isDeepStrictEqual(one.when, when));
    if (when === undefined || same !== undefined)
      throw new InvalidOptionsError(`${its}.when`, `another than that of ${same?.method}, which is asked first`, when);
    sharing.push({ method, handler, when, errorPolicy });
    for (const [option, value] of Object.entries(rest)) {
      if (value === undefined) continue;
      const taken = shared[option];
      if (taken !== undefined && !isDeepStrictEqual(taken.value, value)) {
        const expected = `left out, or as at ${taken.by}: both are one consumer`;
        throw new InvalidOptionsError(`${its}.${option}`, expected, value);
      }
      shared[option] ??= { value, by: its };
    }
    if (rest.name !== undefined) name = its;
  }
  const together = Object.fromEntries(Object.entries(shared).map(([option, { value }]) => [option, value]));
  // true: each value is that of an option of this name
  const declaration = { source, options: together as AmqpSubscribeOptions };
  return { name, handler: first.handler, declaration, sharing };
}
