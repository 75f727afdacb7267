// What the names in a selector mean: application properties, and JMS's names for headers and properties.

import type { QueuedMessage } from '../message/queued-message.js';
import type { Lookup, Value } from './values.js';

const NAMES: ReadonlyMap<string, (message: QueuedMessage) => unknown> = new Map([
  ['JMSPriority', ({ content }) => content.header.priority],
  ['JMSDeliveryMode', ({ content }) => (content.header.durable ? 'PERSISTENT' : 'NON_PERSISTENT')],
  ['JMSRedelivered', ({ redelivered }) => redelivered],
  ['JMSXDeliveryCount', ({ deliveryCount }) => deliveryCount + 1],
  ['JMSMessageID', ({ content }) => content.messageId],
  ['JMSCorrelationID', ({ content }) => content.correlationId],
  ['JMSType', ({ content }) => content.subject],
  ['JMSReplyTo', ({ content }) => content.replyTo],
  ['JMSDestination', ({ content }) => content.to],
]);

export function messageLookup(message: QueuedMessage): Lookup {
  return (name) => {
    const special = NAMES.get(name);
    if (special !== undefined) return valueOf(special(message));
    const properties = message.content.applicationProperties;
    return Object.hasOwn(properties, name) ? valueOf(properties[name]) : undefined;
  };
}

function valueOf(value: unknown): Value {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Date ? value.getTime() : undefined;
}
