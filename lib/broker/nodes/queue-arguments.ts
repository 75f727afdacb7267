// A queue's `x-` arguments, as RabbitMQ names them, and its settings: one way in for options and for `/management`.

import { DEFAULT_QUEUE, type QueueSettings } from '../queue/queue-settings.js';
import { DeclarationError } from './declaration-error.js';

/** What a declaration says beside its arguments. */
export interface QueueFlags {
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
}

const MAX_MS = 4_294_967_295;
const MEANT_HERE = new Set([
  'x-queue-type',
  'x-message-ttl',
  'x-expires',
  'x-max-length',
  'x-max-length-bytes',
  'x-overflow',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-max-priority',
  'x-delivery-limit',
]);

/** @throws {DeclarationError} an argument that cannot work here */
export function readQueueArguments(flags: QueueFlags, values: Readonly<Record<string, unknown>>): QueueSettings {
  const deadLetterExchange = text(values, 'x-dead-letter-exchange');
  const deadLetterKey = text(values, 'x-dead-letter-routing-key');
  if (deadLetterKey !== undefined && deadLetterExchange === undefined) {
    throw new DeclarationError('x-dead-letter-exchange', 'given with x-dead-letter-routing-key', undefined);
  }
  const deliveryLimit = whole(values, 'x-delivery-limit', -1, Number.MAX_SAFE_INTEGER);
  return {
    ...flags,
    type: choice(values, 'x-queue-type', ['classic', 'quorum']),
    messageTtlMs: whole(values, 'x-message-ttl', 0, MAX_MS),
    expiresMs: whole(values, 'x-expires', 1, MAX_MS),
    maxLength: whole(values, 'x-max-length', 0, Number.MAX_SAFE_INTEGER),
    maxLengthBytes: whole(values, 'x-max-length-bytes', 0, Number.MAX_SAFE_INTEGER),
    overflow: choice(values, 'x-overflow', ['drop-head', 'reject-publish']) ?? DEFAULT_QUEUE.overflow,
    deadLetter:
      deadLetterExchange === undefined ? undefined : { exchange: deadLetterExchange, routingKey: deadLetterKey },
    maxPriority: whole(values, 'x-max-priority', 0, 255),
    // The argument counts redeliveries; -1 is no limit.
    maxDeliveries: deliveryLimit === undefined || deliveryLimit < 0 ? undefined : deliveryLimit + 1,
    otherArguments: Object.fromEntries(Object.entries(values).filter(([name]) => !MEANT_HERE.has(name))),
  };
}

/** The arguments that give these settings again. */
export function writeQueueArguments(settings: QueueSettings): Record<string, unknown> {
  const values: Record<string, unknown> = {
    'x-queue-type': settings.type,
    'x-message-ttl': settings.messageTtlMs,
    'x-expires': settings.expiresMs,
    'x-max-length': settings.maxLength,
    'x-max-length-bytes': settings.maxLengthBytes,
    'x-overflow': settings.overflow === 'drop-head' ? undefined : settings.overflow,
    'x-dead-letter-exchange': settings.deadLetter?.exchange,
    'x-dead-letter-routing-key': settings.deadLetter?.routingKey,
    'x-max-priority': settings.maxPriority,
    'x-delivery-limit': settings.maxDeliveries === undefined ? undefined : settings.maxDeliveries - 1,
    ...settings.otherArguments,
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function text(values: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = values[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new DeclarationError(name, 'a string', value);
  return value;
}

function choice<Choice extends string>(
  values: Readonly<Record<string, unknown>>,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const value = text(values, name);
  if (value === undefined) return undefined;
  const found = choices.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new DeclarationError(name, `one of ${choices.map((word) => `'${word}'`).join(', ')}`, value);
}

function whole(values: Readonly<Record<string, unknown>>, name: string, min: number, max: number): number | undefined {
  const value = values[name];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max) {
    throw new DeclarationError(name, `a whole number from ${min} to ${max}`, value);
  }
  return number;
}
