// Consumers that would take each other's messages: which may not stand beside one whose handlers have `when`.

import { isDeepStrictEqual } from 'node:util';

import { InvalidOptionsError, type Source } from '../../client/index.js';
import type { PlannedConsumer } from './plan-consumers.js';

/** A consumer whose sources are known. */
export interface PlacedConsumer {
  readonly plan: Pick<PlannedConsumer, 'name' | 'connection' | 'dispatch'>;
  readonly sources: readonly Source[];
}

/**
 * Every second message of a source would go to the other consumer, and what that has no handler for it refuses.
 * @throws InvalidOptionsError where one of two on the same messages has `when`
 */
export function checkApart(one: PlacedConsumer, others: readonly PlacedConsumer[]): void {
  for (const other of others) {
    if (one.plan.connection !== other.plan.connection) continue;
    const shared = one.sources.find((source) => other.sources.some((its) => compete(source, its)));
    if (shared !== undefined) checkPair(one.plan, other.plan, shared);
  }
}

function checkPair(one: PlacedConsumer['plan'], other: PlacedConsumer['plan'], shared: Source): void {
  const [without, withWhen] = one.dispatch === undefined ? [one, other] : [other, one];
  if (withWhen.dispatch === undefined) return;
  if (without.dispatch === undefined)
    throw new InvalidOptionsError(
      `${without.name}.when`,
      `given, since ${withWhen.name} on the same source has one`,
      undefined,
    );
  const expected = `another, or written as at ${other.name} (of functions the same one): with \`when\` both are one consumer`;
  throw new InvalidOptionsError(`${one.name}.source`, expected, shared);
}

/** Whether a message that goes to one of them does not go to the other. Two with filters are taken to be for different messages. */
function compete(one: Source, other: Source): boolean {
  const [its, theirs] = [nodeOf(one), nodeOf(other)];
  if (its === undefined || theirs === undefined || !isDeepStrictEqual(its.node, theirs.node)) return false;
  return its.filter === undefined || theirs.filter === undefined || isDeepStrictEqual(its.filter, theirs.filter);
}

/** `undefined`: nobody else lacks what goes to this one. */
function nodeOf(source: Source): { readonly node: object; readonly filter: object | undefined } | undefined {
  const fields = typeof source === 'string' ? { address: source } : source;
  const { address, queue, topic, shared, linkName, selector, filters, distributionMode, dynamic, streamOffset } =
    fields;
  if (dynamic === true || distributionMode === 'copy' || streamOffset !== undefined) return undefined;
  const filter = selector === undefined && filters === undefined ? undefined : { selector, filters };
  if (topic === undefined) return { node: { queue: queue ?? nameIn(address ?? '') }, filter };
  // Each subscription has its own copy.
  return shared === undefined ? undefined : { node: { topic, subscription: linkName }, filter };
}

/** Of a queue as RabbitMQ 4 and as ActiveMQ write it. */
function nameIn(address: string): string {
  const written = /^\/queues\/([^/?]+)$/.exec(address)?.[1];
  if (written === undefined) return address.replace(/^queue:\/\//, '');
  try {
    return decodeURIComponent(written);
  } catch {
    return address;
  }
}
