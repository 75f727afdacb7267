// Whether a target or source can work at all, whatever the peer.

import { InvalidOptionsError } from '../../protocol/index.js';
import {
  checkBoolean,
  checkMs,
  checkObject,
  checkOneOf,
  checkText,
  checkTexts,
  checkWhole,
  joinPath,
} from '../options/check.js';
import { checkAmqpRecord } from '../options/check-amqp.js';
import type { Source, Target } from './address.js';

const DURABLE = ['none', 'configuration', 'unsettled-state'] as const;
const CAPABILITIES = ['capabilities', 'desiredCapabilities', 'offeredCapabilities'];
const SHARED = ['address', 'queue', 'topic', 'dynamic', 'durable', 'linkName', 'linkProperties', ...CAPABILITIES];
const TARGET_NAMES = [...SHARED, 'exchange', 'routingKey', 'mandatory'];
const SOURCE_NAMES = [
  ...SHARED,
  'selector',
  'noLocal',
  'streamOffset',
  'priority',
  'filters',
  'distributionMode',
  'expiryPolicy',
  'expiryTimeoutMs',
  'shared',
];
/** RabbitMQ's and the Java brokers' range of a consumer's priority. */
const PRIORITY = 2_147_483_647;

/** @throws InvalidOptionsError */
export function checkTarget(value: unknown, path: string): Target {
  if (value === null) return null;
  if (typeof value === 'string') return checkAddressText(value, path);
  if (value === undefined)
    throw new InvalidOptionsError(path, "a queue's name, an address, a target object or null", value);
  const fields = checkObject(value, path, TARGET_NAMES);
  checkShared(fields, path, ['address', 'queue', 'topic', 'exchange', 'dynamic']);
  checkBoolean(fields['mandatory'], joinPath(path, 'mandatory'), undefined);
  const routingKey = fields['routingKey'];
  if (routingKey !== undefined && typeof routingKey !== 'string')
    throw new InvalidOptionsError(joinPath(path, 'routingKey'), 'a string', routingKey);
  if (routingKey !== undefined && fields['exchange'] === undefined)
    throw new InvalidOptionsError(joinPath(path, 'routingKey'), 'left out unless exchange is given', routingKey);
  return fields;
}

/** @throws InvalidOptionsError */
export function checkSource(value: unknown, path: string): Source {
  if (typeof value === 'string') return checkAddressText(value, path);
  if (value === undefined || value === null)
    throw new InvalidOptionsError(path, "a queue's name, an address or a source object", value);
  const fields = checkObject(value, path, SOURCE_NAMES);
  checkShared(fields, path, ['address', 'queue', 'topic', 'dynamic']);
  checkText(fields['selector'], joinPath(path, 'selector'));
  checkAmqpRecord(fields['filters'], joinPath(path, 'filters'));
  checkOneOf(fields['distributionMode'], joinPath(path, 'distributionMode'), ['move', 'copy'], undefined);
  const policies = ['link-detach', 'session-end', 'connection-close', 'never'];
  checkOneOf(fields['expiryPolicy'], joinPath(path, 'expiryPolicy'), policies, undefined);
  checkMs(fields['expiryTimeoutMs'], joinPath(path, 'expiryTimeoutMs'), { default: undefined });
  checkBoolean(fields['noLocal'], joinPath(path, 'noLocal'), undefined);
  const range = { min: -PRIORITY, max: PRIORITY, default: undefined };
  checkWhole(fields['priority'], joinPath(path, 'priority'), range);
  checkStreamOffset(fields['streamOffset'], joinPath(path, 'streamOffset'));
  const shared = checkOneOf(fields['shared'], joinPath(path, 'shared'), ['container', 'global'], undefined);
  if (shared !== undefined && fields['topic'] === undefined && fields['address'] === undefined)
    throw new InvalidOptionsError(
      joinPath(path, 'shared'),
      'left out: the consumers of a queue share it anyway',
      shared,
    );
  const { durable, linkName } = fields;
  const isDurable = durable !== undefined && durable !== 'none';
  // A random name would leave a subscription behind at each start, which nobody reads.
  if ((isDurable || shared !== undefined) && linkName === undefined)
    throw new InvalidOptionsError(
      joinPath(path, 'linkName'),
      `given with ${isDurable ? 'a durable' : 'a shared'} source: the name of the subscription`,
      undefined,
    );
  return fields;
}

function checkStreamOffset(value: unknown, path: string): void {
  if (value === undefined || value === 'first' || value === 'last' || value === 'next') return;
  if (value instanceof Date && !Number.isNaN(value.getTime())) return;
  if (typeof value === 'bigint' && value >= 0n) return;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return;
  throw new InvalidOptionsError(path, "'first', 'last', 'next', an offset of at least 0 or a Date", value);
}

function checkAddressText(value: string, path: string): string {
  if (value.trim() === '') throw new InvalidOptionsError(path, 'a string that is not empty', value);
  return value;
}

function checkShared(fields: Readonly<Record<string, unknown>>, path: string, places: readonly string[]): void {
  for (const name of ['address', 'queue', 'topic', 'exchange', 'linkName'])
    checkText(fields[name], joinPath(path, name));
  checkBoolean(fields['dynamic'], joinPath(path, 'dynamic'), undefined);
  checkOneOf(fields['durable'], joinPath(path, 'durable'), DURABLE, undefined);
  for (const name of CAPABILITIES) checkTexts(fields[name], joinPath(path, name));
  checkAmqpRecord(fields['linkProperties'], joinPath(path, 'linkProperties'));
  const given = places.filter((name) => fields[name] !== undefined && fields[name] !== false);
  if (given.length === 1) return;
  const found = given.length === 0 ? 'none of them' : given.join(' and ');
  throw new InvalidOptionsError(path === '' ? 'address' : path, `given exactly one of ${places.join(', ')}`, found);
}
