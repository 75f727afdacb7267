// The filters of a source: what is asked for, and what of it the peer did not confirm.

import { Described } from '../../protocol/index.js';
import type { SourceFields } from './address.js';

/** Names and descriptors as registered for the Apache products, and RabbitMQ's own for its streams. */
const SELECTOR = { name: 'jms-selector', descriptor: 0x0000468c00000004 };
const NO_LOCAL = { name: 'no-local', descriptor: 0x0000468c00000003 };
const STREAM_OFFSET = 'rabbitmq:stream-offset-spec';

/** All filters of a source in their form on the wire. */
export function sourceFilters(fields: SourceFields): Record<string, unknown> | undefined {
  const { selector, noLocal, streamOffset } = fields;
  const filters: Record<string, unknown> = { ...fields.filters };
  if (selector !== undefined) filters[SELECTOR.name] = new Described(SELECTOR.descriptor, selector);
  if (noLocal === true) filters[NO_LOCAL.name] = new Described(NO_LOCAL.descriptor, []);
  if (streamOffset !== undefined) filters[STREAM_OFFSET] = new Described(STREAM_OFFSET, offsetOf(streamOffset));
  return Object.keys(filters).length === 0 ? undefined : filters;
}

function offsetOf(offset: NonNullable<SourceFields['streamOffset']>): unknown {
  return typeof offset === 'number' ? BigInt(offset) : offset;
}

/** The filters that were asked for and are not in the peer's answer, which names those in place (section 3.5.3). */
export function unconfirmedFilters(
  asked: Readonly<Record<string, unknown>> | undefined,
  answered: Readonly<Record<string, unknown>> | undefined,
): readonly string[] {
  return Object.keys(asked ?? {}).filter((name) => !Object.hasOwn(answered ?? {}, name));
}
