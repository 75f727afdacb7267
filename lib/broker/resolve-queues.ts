import { InvalidOptionsError } from '../protocol/acceptor/index.js';
import type { EmbeddedQueue } from './broker-options.js';
import { booleanOption, checkNames, listOption, objectOption, textOption } from './check-options.js';
import { DeclarationError } from './nodes/declaration-error.js';
import { readQueueArguments } from './nodes/queue-arguments.js';
import { DEFAULT_QUEUE, type QueueSettings } from './queue/queue-settings.js';

export interface NamedQueue {
  readonly name: string;
  readonly settings: QueueSettings;
}

/** Which argument an option stands for. */
const ARGUMENTS: readonly (readonly [option: keyof EmbeddedQueue, argument: string])[] = [
  ['type', 'x-queue-type'],
  ['messageTtlMs', 'x-message-ttl'],
  ['expiresMs', 'x-expires'],
  ['maxLength', 'x-max-length'],
  ['maxLengthBytes', 'x-max-length-bytes'],
  ['overflow', 'x-overflow'],
  ['deadLetterExchange', 'x-dead-letter-exchange'],
  ['deadLetterRoutingKey', 'x-dead-letter-routing-key'],
  ['maxPriority', 'x-max-priority'],
];
const NAMES = [
  'name',
  'durable',
  'exclusive',
  'autoDelete',
  'deadLetter',
  'maxDeliveries',
  'deliveryLimit',
  'arguments',
  ...ARGUMENTS.map(([option]) => option),
];

/**
 * The queues of the options, and behind them those that only `deadLetter` names.
 *
 * @throws {InvalidOptionsError}
 */
export function resolveQueues(value: unknown): readonly NamedQueue[] {
  const queues = listOption(value, 'queues').map((item, index) => resolveQueue(item, `queues[${index}]`));
  const names = new Set<string>();
  for (const [index, { name }] of queues.entries()) {
    if (names.has(name)) throw new InvalidOptionsError(`queues[${index}].name`, 'used once', name);
    names.add(name);
  }
  const targets = queues.map(({ settings }) =>
    settings.deadLetter?.exchange === '' ? settings.deadLetter.routingKey : undefined,
  );
  const missing = new Set(targets.filter((target) => target !== undefined && !names.has(target)));
  return [
    ...queues,
    ...[...missing].filter((name) => name !== undefined).map((name) => ({ name, settings: DEFAULT_QUEUE })),
  ];
}

function resolveQueue(item: unknown, path: string): NamedQueue {
  if (typeof item === 'string') return { name: queueName(item, path), settings: DEFAULT_QUEUE };
  const given = objectOption(item, path);
  checkNames(given, NAMES, `${path}.`);
  const name = queueName(given['name'], `${path}.name`);
  const flags = {
    durable: booleanOption(given['durable'], `${path}.durable`, true),
    exclusive: false,
    autoDelete: booleanOption(given['autoDelete'], `${path}.autoDelete`, false),
  };
  if (booleanOption(given['exclusive'], `${path}.exclusive`, false)) {
    throw new InvalidOptionsError(`${path}.exclusive`, 'false: such a queue belongs to a connection', true);
  }
  const values = {
    ...Object.fromEntries(ARGUMENTS.map(([option, argument]) => [argument, given[option]])),
    ...deliveryLimit(given, path),
    ...deadLetter(given, path),
    ...objectOption(given['arguments'] ?? {}, `${path}.arguments`),
  };
  const defined = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  try {
    return { name, settings: readQueueArguments(flags, defined) };
  } catch (error) {
    if (!(error instanceof DeclarationError)) throw error;
    const option = ARGUMENTS.find(([, argument]) => argument === error.subject)?.[0] ?? `arguments.${error.subject}`;
    throw new InvalidOptionsError(`${path}.${option}`, error.expected, error.received);
  }
}

function deliveryLimit(given: Readonly<Record<string, unknown>>, path: string): Record<string, unknown> {
  const { maxDeliveries, deliveryLimit: limit } = given;
  if (maxDeliveries !== undefined && limit !== undefined) {
    throw new InvalidOptionsError(`${path}.deliveryLimit`, 'left out beside maxDeliveries', limit);
  }
  const wanted = maxDeliveries ?? limit;
  if (wanted === undefined) return {};
  if (typeof wanted !== 'number' || !Number.isInteger(wanted) || wanted < 1) {
    const option = maxDeliveries === undefined ? 'deliveryLimit' : 'maxDeliveries';
    throw new InvalidOptionsError(`${path}.${option}`, 'a whole number from 1', wanted);
  }
  // The argument counts redeliveries.
  return { 'x-delivery-limit': wanted - 1 };
}

function deadLetter(given: Readonly<Record<string, unknown>>, path: string): Record<string, unknown> {
  const target = textOption(given['deadLetter'], `${path}.deadLetter`);
  if (target === undefined) return {};
  if (given['deadLetterExchange'] !== undefined || given['deadLetterRoutingKey'] !== undefined) {
    throw new InvalidOptionsError(`${path}.deadLetter`, 'left out beside deadLetterExchange', target);
  }
  return { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': target };
}

function queueName(value: unknown, path: string): string {
  const name = textOption(value, path);
  if (name === undefined || Buffer.byteLength(name) > 255 || name.startsWith('/') || name.includes('://')) {
    throw new InvalidOptionsError(path, 'a name of 1 to 255 bytes that neither starts with / nor holds ://', value);
  }
  return name;
}
