// Checks what the user gave and fills in the defaults.

import { randomUUID } from 'node:crypto';
import { InvalidOptionsError } from '../protocol/acceptor/index.js';
import type { BindingDeclaration, ExchangeDeclaration } from '../client/index.js';
import type { EmbeddedBrokerOptions } from './broker-options.js';
import { booleanOption, checkNames, objectOption, textOption, wholeOption } from './check-options.js';
import type { PutToken, TokenVerdict } from './service/claims.js';
import { type NamedQueue, resolveQueues } from './resolve-queues.js';
import { resolveBindings, resolveExchanges } from './resolve-exchanges.js';

/** With every default; only this travels inside the broker. */
export interface ResolvedBrokerOptions {
  readonly name: string;
  /** It was given: the broker is to be found by it. */
  readonly isNamed: boolean;
  readonly host: string;
  readonly port: number | false;
  readonly users: ReadonlyMap<string, string>;
  readonly allowAnonymous: boolean;
  readonly queues: readonly NamedQueue[];
  readonly exchanges: readonly ExchangeDeclaration[];
  readonly bindings: readonly BindingDeclaration[];
  readonly autoCreateQueues: boolean;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly maxFrameSize: number;
  readonly maxMessageBytes: number;
  readonly maxConnections: number;
  readonly maxLinksPerConnection: number;
  readonly senderCredit: number;
  readonly idleTimeoutMs: number;
  readonly cbs: { readonly required: boolean; readonly validate: ((token: PutToken) => TokenVerdict) | undefined };
}

const NAMES: readonly (keyof EmbeddedBrokerOptions)[] = [
  'name',
  'host',
  'port',
  'users',
  'allowAnonymous',
  'queues',
  'exchanges',
  'bindings',
  'autoCreateQueues',
  'allowInProduction',
  'properties',
  'maxFrameSize',
  'maxMessageBytes',
  'maxConnections',
  'maxLinksPerConnection',
  'senderCredit',
  'idleTimeoutMs',
  'cbs',
];
const MAX_TIMER_MS = 2_147_483_647;

/** @throws {InvalidOptionsError} */
export function resolveBrokerOptions(
  options: EmbeddedBrokerOptions,
  environment: string | undefined,
): ResolvedBrokerOptions {
  const given = objectOption(options, 'options');
  checkNames(given, NAMES, '');
  const allowInProduction = booleanOption(given['allowInProduction'], 'allowInProduction', false);
  if (environment === 'production' && !allowInProduction) {
    const expected = 'true where NODE_ENV is production: the embedded broker keeps nothing';
    throw new InvalidOptionsError('allowInProduction', expected, options.allowInProduction);
  }
  const users = resolveUsers(given['users']);
  const cbs = objectOption(given['cbs'] ?? {}, 'cbs');
  checkNames(cbs, ['required', 'validate'], 'cbs.');
  const name = textOption(given['name'], 'name');
  const allowAnonymous = booleanOption(given['allowAnonymous'], 'allowAnonymous', users.size === 0);
  const cbsRequired = booleanOption(cbs['required'], 'cbs.required', false);
  if (!allowAnonymous && users.size === 0 && !cbsRequired) {
    const expected = 'true, or users or cbs.required given: else nobody could connect';
    throw new InvalidOptionsError('allowAnonymous', expected, false);
  }
  return {
    name: name ?? randomUUID(),
    isNamed: name !== undefined,
    host: textOption(given['host'], 'host') ?? '127.0.0.1',
    port: given['port'] === false ? false : wholeOption(given['port'], 'port', 0, 65_535, 0),
    users,
    allowAnonymous,
    queues: resolveQueues(given['queues']),
    exchanges: resolveExchanges(given['exchanges']),
    bindings: resolveBindings(given['bindings']),
    autoCreateQueues: booleanOption(given['autoCreateQueues'], 'autoCreateQueues', true),
    properties: objectOption(given['properties'] ?? {}, 'properties'),
    maxFrameSize: wholeOption(given['maxFrameSize'], 'maxFrameSize', 512, 262_144, 131_072),
    maxMessageBytes: wholeOption(given['maxMessageBytes'], 'maxMessageBytes', 1, 2 ** 31 - 1, 16 * 1024 * 1024),
    maxConnections: wholeOption(given['maxConnections'], 'maxConnections', 1, 100_000, 1_000),
    maxLinksPerConnection: wholeOption(given['maxLinksPerConnection'], 'maxLinksPerConnection', 1, 65_536, 1_000),
    senderCredit: wholeOption(given['senderCredit'], 'senderCredit', 1, 100_000, 1_000),
    idleTimeoutMs: wholeOption(given['idleTimeoutMs'], 'idleTimeoutMs', 0, MAX_TIMER_MS, 60_000),
    cbs: { required: cbsRequired, validate: validateOption(cbs['validate']) },
  };
}

function resolveUsers(value: unknown): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const [user, password] of Object.entries(objectOption(value ?? {}, 'users'))) {
    if (typeof password !== 'string' || password === '' || password.includes('\0')) {
      throw new InvalidOptionsError(`users.${user}`, 'a password: a string that is not empty', password, 'secret');
    }
    if (user === '' || user.includes('\0')) throw new InvalidOptionsError('users', 'free of empty names', user);
    users.set(user, password);
  }
  return users;
}

function validateOption(value: unknown): ((token: PutToken) => TokenVerdict) | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'function') throw new InvalidOptionsError('cbs.validate', 'a function', value);
  // True as far as can be seen; what it answers is looked at when it is called.
  return value as (token: PutToken) => TokenVerdict;
}
