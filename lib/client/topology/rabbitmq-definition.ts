// Compares what is asked for with what RabbitMQ's management says that stands.

import { isDeepStrictEqual } from 'node:util';
import { plainBody, queueBody } from './rabbitmq-arguments.js';
import type { QueueDeclaration } from './topology.js';

/** What differs, in words; `undefined`: nothing. Only what the declaration states is compared. */
export function definitionDiffers(queue: QueueDeclaration, existing: unknown): string | undefined {
  const asked = record(plainBody(queueBody({ ...queue, type: queue.type ?? typeOf(existing) })));
  const stands = record(existing);
  const flags: readonly (readonly [string, boolean | undefined])[] = [
    ['durable', queue.durable],
    ['exclusive', queue.exclusive],
    ['auto_delete', queue.autoDelete],
  ];
  for (const [name, stated] of flags)
    if (stated !== undefined && stands[name] !== stated) return difference(name, stands[name], stated);
  const askedArguments = record(asked['arguments']);
  const existingArguments = record(stands['arguments']);
  for (const [name, value] of Object.entries(askedArguments)) {
    const found = name === 'x-queue-type' ? (stands['type'] ?? existingArguments[name]) : existingArguments[name];
    if (!equal(found, value)) return difference(name, found, value);
  }
  return undefined;
}

/** Whether a binding's arguments are these. */
export function sameArguments(existing: unknown, asked: Readonly<Record<string, unknown>> | undefined): boolean {
  const found = record(existing);
  const wanted = record(plainBody(asked ?? {}));
  const names = new Set([...Object.keys(found), ...Object.keys(wanted)]);
  return [...names].every((name) => equal(found[name], wanted[name]));
}

function typeOf(existing: unknown): QueueDeclaration['type'] {
  const type = record(existing)['type'];
  return type === 'classic' || type === 'quorum' || type === 'stream' ? type : undefined;
}

/** A number may come back wider than it went. */
function equal(left: unknown, right: unknown): boolean {
  if (typeof left === 'bigint' || typeof right === 'bigint') return Number(left) === Number(right);
  return isDeepStrictEqual(left, right);
}

function difference(name: string, stands: unknown, asked: unknown): string {
  return `${name} is ${show(stands)}, asked was ${show(asked)}`;
}

function show(value: unknown): string {
  if (value === undefined) return 'not set';
  return JSON.stringify(value, (_name, item: unknown) => (typeof item === 'bigint' ? String(item) : item));
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  // True: an object that is no array may be read by name.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
