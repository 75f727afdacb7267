// The filters of a source: what is asked for, and what of it the peer confirmed.

import { Described, LinkError, type ReceiverLink } from '../../protocol/index.js';
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

/**
 * The peer answers with the filters that are in place (section 3.5.3).
 *
 * @throws LinkError, not retryable, when one that was asked for is not among them
 */
export function checkFilters(
  asked: Readonly<Record<string, unknown>> | undefined,
  link: ReceiverLink,
  address: string,
): void {
  const applied = link.remote.source?.filters ?? {};
  const missing = Object.keys(asked ?? {}).filter((name) => !Object.hasOwn(applied, name));
  if (missing.length === 0) return;
  const message = `"${address}" cannot be attached: the peer does not apply the filter ${missing.join(', ')}`;
  throw new LinkError(message, address, link.name, { retryable: false });
}
