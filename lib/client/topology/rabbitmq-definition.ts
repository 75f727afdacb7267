// Compares what is asked for with what RabbitMQ's management says that stands.

import { field, firstDifference, isSame, record } from './plain-record.js';
import { plainBody, queueBody } from './rabbitmq-arguments.js';
import type { QueueDeclaration } from './topology.js';

/** What differs, in words; `undefined`: nothing. Only what the declaration states is compared. */
export function definitionDiffers(queue: QueueDeclaration, existing: unknown): string | undefined {
  const flags = { durable: queue.durable, exclusive: queue.exclusive, auto_delete: queue.autoDelete };
  const stated = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const asked = record(plainBody(queueBody({ ...queue, type: queue.type ?? queueType(existing) })));
  const existingArguments = record(field(existing, 'arguments'));
  return (
    firstDifference(stated, (name) => field(existing, name)) ??
    firstDifference(record(asked['arguments']), (name) =>
      name === 'x-queue-type' ? (field(existing, 'type') ?? existingArguments[name]) : existingArguments[name],
    )
  );
}

/** Whether a binding's arguments are these. */
export function sameArguments(existing: unknown, asked: Readonly<Record<string, unknown>> | undefined): boolean {
  const found = record(existing);
  const wanted = record(plainBody(asked ?? {}));
  const names = new Set([...Object.keys(found), ...Object.keys(wanted)]);
  return [...names].every((name) => isSame(found[name], wanted[name]));
}

export function queueType(existing: unknown): QueueDeclaration['type'] {
  const type = field(existing, 'type');
  return type === 'classic' || type === 'quorum' || type === 'stream' ? type : undefined;
}
