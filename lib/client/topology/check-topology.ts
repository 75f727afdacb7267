// Whether a topology can work at all, whatever the peer.

import { InvalidOptionsError } from '../../protocol/index.js';
import { checkBoolean, checkMs, checkObject, checkOneOf, checkText, checkWhole, joinPath } from '../options/check.js';
import { checkAmqpRecord } from '../options/check-amqp.js';
import type { BindingDeclaration, ExchangeDeclaration, QueueDeclaration, Topology } from './topology.js';

const QUEUE_NAMES = [
  'name',
  'type',
  'durable',
  'exclusive',
  'autoDelete',
  'messageTtlMs',
  'expiresMs',
  'maxLength',
  'maxLengthBytes',
  'overflow',
  'deadLetterExchange',
  'deadLetterRoutingKey',
  'maxPriority',
  'deliveryLimit',
  'passive',
  'arguments',
];
const EXCHANGE_NAMES = ['name', 'type', 'durable', 'autoDelete', 'internal', 'passive', 'arguments'];
const BINDING_NAMES = ['exchange', 'queue', 'destinationExchange', 'routingKey', 'arguments'];
const LARGE = Number.MAX_SAFE_INTEGER;

/** @throws InvalidOptionsError */
export function checkTopology(value: unknown, path: string): Topology {
  const { queues, exchanges, bindings } = checkObject(value, path, ['queues', 'exchanges', 'bindings']);
  return {
    queues: list(queues, joinPath(path, 'queues'), (queue, at) =>
      typeof queue === 'string' ? required(queue, at) : checkQueue(queue, at),
    ),
    exchanges: list(exchanges, joinPath(path, 'exchanges'), checkExchange),
    bindings: list(bindings, joinPath(path, 'bindings'), checkBinding),
  };
}

/** @throws InvalidOptionsError */
export function checkQueue(value: unknown, path: string): QueueDeclaration {
  const fields = checkObject(value, path, QUEUE_NAMES);
  const at = (name: string): string => joinPath(path, name);
  required(fields['name'], at('name'));
  const type = checkOneOf(fields['type'], at('type'), ['classic', 'quorum', 'stream'], undefined);
  for (const name of ['durable', 'exclusive', 'autoDelete', 'passive']) checkBoolean(fields[name], at(name), undefined);
  checkMs(fields['messageTtlMs'], at('messageTtlMs'), { default: undefined });
  checkMs(fields['expiresMs'], at('expiresMs'), { min: 1, default: undefined });
  for (const name of ['maxLength', 'maxLengthBytes'])
    checkWhole(fields[name], at(name), { min: 0, max: LARGE, default: undefined });
  checkWhole(fields['deliveryLimit'], at('deliveryLimit'), { min: 1, max: LARGE, default: undefined });
  checkWhole(fields['maxPriority'], at('maxPriority'), { min: 1, max: 255, default: undefined });
  checkOneOf(fields['overflow'], at('overflow'), ['drop-head', 'reject-publish'], undefined);
  for (const name of ['deadLetterExchange', 'deadLetterRoutingKey'])
    if (fields[name] !== undefined && typeof fields[name] !== 'string')
      throw new InvalidOptionsError(at(name), 'a string', fields[name]);
  if (fields['deadLetterRoutingKey'] !== undefined && fields['deadLetterExchange'] === undefined)
    throw new InvalidOptionsError(at('deadLetterRoutingKey'), 'left out unless deadLetterExchange is given', undefined);
  if (fields['deadLetterExchange'] === '' && fields['deadLetterRoutingKey'] === undefined)
    throw new InvalidOptionsError(
      at('deadLetterRoutingKey'),
      "the dead-letter queue's name, with deadLetterExchange ''",
      undefined,
    );
  checkAmqpRecord(fields['arguments'], at('arguments'));
  if (type === 'quorum' || type === 'stream') {
    if (fields['durable'] === false) throw new InvalidOptionsError(at('durable'), `true for a ${type} queue`, false);
    if (fields['exclusive'] === true) throw new InvalidOptionsError(at('exclusive'), `false for a ${type} queue`, true);
    if (fields['autoDelete'] === true)
      throw new InvalidOptionsError(at('autoDelete'), `false for a ${type} queue`, true);
  }
  // True: every field of the type was checked.
  return fields as unknown as QueueDeclaration;
}

/** @throws InvalidOptionsError */
export function checkExchange(value: unknown, path: string): ExchangeDeclaration {
  if (typeof value === 'string') throw new InvalidOptionsError(path, 'an object with name and type', value);
  const fields = checkObject(value, path, EXCHANGE_NAMES);
  const at = (name: string): string => joinPath(path, name);
  required(fields['name'], at('name'));
  const types = ['direct', 'topic', 'fanout', 'headers'] as const;
  if (checkOneOf(fields['type'], at('type'), types, undefined) === undefined)
    throw new InvalidOptionsError(at('type'), `one of ${types.join(', ')}`, undefined);
  for (const name of ['durable', 'autoDelete', 'internal', 'passive']) checkBoolean(fields[name], at(name), undefined);
  checkAmqpRecord(fields['arguments'], at('arguments'));
  // True: every field of the type was checked.
  return fields as unknown as ExchangeDeclaration;
}

/** @throws InvalidOptionsError */
export function checkBinding(value: unknown, path: string): BindingDeclaration {
  const fields = checkObject(value, path, BINDING_NAMES);
  const at = (name: string): string => joinPath(path, name);
  required(fields['exchange'], at('exchange'));
  checkText(fields['queue'], at('queue'));
  checkText(fields['destinationExchange'], at('destinationExchange'));
  if ((fields['queue'] === undefined) === (fields['destinationExchange'] === undefined))
    throw new InvalidOptionsError(at('queue'), 'given, or else destinationExchange, and not both', fields['queue']);
  if (fields['routingKey'] !== undefined && typeof fields['routingKey'] !== 'string')
    throw new InvalidOptionsError(at('routingKey'), 'a string', fields['routingKey']);
  checkAmqpRecord(fields['arguments'], at('arguments'));
  // True: every field of the type was checked.
  return fields as unknown as BindingDeclaration;
}

function list<Item>(value: unknown, path: string, check: (item: unknown, path: string) => Item): readonly Item[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new InvalidOptionsError(path, 'an array', value);
  return value.map((item: unknown, index) => check(item, `${path}[${index}]`));
}

function required(value: unknown, path: string): string {
  const text = checkText(value, path);
  if (text === undefined) throw new InvalidOptionsError(path, 'a string that is not empty', value);
  return text;
}
