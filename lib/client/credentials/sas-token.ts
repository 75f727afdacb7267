// Shared access signatures, as Azure's services have them: made from a key here, or given ready-made.

import { createHmac } from 'node:crypto';
import { InvalidOptionsError } from '../../protocol/index.js';
import { checkMs, checkObject } from '../options/check.js';
import type { Credentials } from './credentials.js';
import { CBS_NODE, required, tokenCredentials, type Token, type TokenSource } from './token-source.js';

/** What a shared access signature is made of. */
export interface SasKey {
  /** What it opens: `sb://NAMESPACE.servicebus.windows.net/ENTITY`. */
  readonly audience: string;
  /** The policy's name. */
  readonly keyName: string;
  /** As the portal shows it; its characters are the key, nothing is decoded. */
  readonly key: string;
  /** How long a signature is good, in milliseconds; rounded up to seconds. At least 1 000. @default 3_600_000 */
  readonly ttlMs?: number | undefined;
}

/** What both forms of {@link sasToken} take besides. */
export interface TokenPlace {
  /** The node that takes the token. @default '$cbs' */
  readonly node?: string | undefined;
  /** What the token is called there. @default 'servicebus.windows.net:sastoken', or 'jwt' */
  readonly tokenType?: string | undefined;
}

/** From a key: signed anew for each connect and each renewal. */
export interface SasKeyOptions extends SasKey, TokenPlace {
  /** Renewed this long before its end at least; never later than a tenth of its life before. Milliseconds. @default 0 */
  readonly refreshBeforeMs?: number | undefined;
}

/** Ready-made: nothing renews it, and the connection ends with it. */
export interface ReadySasTokenOptions extends TokenPlace {
  readonly audience: string;
  /** `SharedAccessSignature sr=...` */
  readonly token: string;
  /** Milliseconds of the epoch, in the future. */
  readonly expiresAt: number;
}

const KEY_NAMES = ['audience', 'keyName', 'key', 'ttlMs', 'refreshBeforeMs', 'node', 'tokenType'];
const READY_NAMES = ['audience', 'token', 'expiresAt', 'node', 'tokenType'];
const SAS_KEY_NAMES = ['audience', 'keyName', 'key', 'ttlMs'];
const SAS_TYPE = 'servicebus.windows.net:sastoken';
const HOUR_MS = 3_600_000;

/**
 * A shared access signature, put on `$cbs` before any link is attached: made from a key and renewed on the open connection, or
 * ready-made.
 *
 * @throws InvalidOptionsError for what cannot work; a ready-made token whose time is over, too
 */
export function sasToken(options: SasKeyOptions | ReadySasTokenOptions): Credentials {
  return isReady(options)
    ? tokenCredentials(readySource(withoutAbsent(options, KEY_NAMES)), options.token)
    : tokenCredentials(keySource(withoutAbsent(options, READY_NAMES)), options.key);
}

/** Where neither form has what makes it one, the error is about the one that was begun. */
function isReady(options: SasKeyOptions | ReadySasTokenOptions): options is ReadySasTokenOptions {
  if (typeof options !== 'object' || options === null || !('token' in options)) return false;
  return (
    options.token !== undefined || (field(options, 'keyName') === undefined && field(options, 'key') === undefined)
  );
}

/** What belongs to the other form and is `undefined` is as good as left out. */
function withoutAbsent(options: unknown, names: readonly string[]): unknown {
  if (typeof options !== 'object' || options === null) return options;
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => value !== undefined || !names.includes(name)),
  );
}

function field(options: object, name: string): unknown {
  return Reflect.get(options, name);
}

/**
 * Signs one: `SharedAccessSignature sr=...&sig=...&se=...&skn=...`, by HMAC-SHA256. For what wants the token itself; a connection
 * takes {@link sasToken}.
 *
 * @throws InvalidOptionsError
 */
export function createSasToken(options: SasKey): Token {
  const given = checkObject(options, 'createSasToken', SAS_KEY_NAMES);
  return signer(given, 'createSasToken')(Date.now());
}

function keySource(options: unknown): TokenSource {
  const given = checkObject(options, 'sasToken', KEY_NAMES);
  const sign = signer(given, 'sasToken');
  return {
    ...placeOf(given, 'sasToken', SAS_TYPE),
    audiences: [required(given['audience'], 'sasToken.audience')],
    refreshBeforeMs: checkMs(given['refreshBeforeMs'], 'sasToken.refreshBeforeMs', { default: 0 }),
    isRenewable: true,
    get: () => Promise.resolve(sign(Date.now())),
  };
}

function readySource(options: unknown): TokenSource {
  const given = checkObject(options, 'sasToken', READY_NAMES);
  const token = required(given['token'], 'sasToken.token', 'secret');
  const { expiresAt } = given;
  const isTime = typeof expiresAt === 'number' && Number.isFinite(expiresAt);
  if (!isTime || expiresAt <= Date.now())
    throw new InvalidOptionsError(
      'sasToken.expiresAt',
      'a time in the future, in milliseconds of the epoch (the token says seconds)',
      expiresAt,
    );
  return {
    ...placeOf(given, 'sasToken', SAS_TYPE),
    audiences: [required(given['audience'], 'sasToken.audience')],
    refreshBeforeMs: 0,
    isRenewable: false,
    get: () => Promise.resolve({ token, expiresAt }),
  };
}

/** The node and the token's type. @throws InvalidOptionsError */
export function placeOf(
  given: Readonly<Record<string, unknown>>,
  path: string,
  type: string,
): { readonly node: string; readonly type: string } {
  return {
    node: required(given['node'] ?? CBS_NODE, `${path}.node`),
    type: required(given['tokenType'] ?? type, `${path}.tokenType`),
  };
}

/** @throws InvalidOptionsError */
function signer(given: Readonly<Record<string, unknown>>, path: string): (now: number) => Token {
  const resource = encodeURIComponent(required(given['audience'], `${path}.audience`));
  const keyName = encodeURIComponent(required(given['keyName'], `${path}.keyName`));
  const key = required(given['key'], `${path}.key`, 'secret');
  const ttlMs = checkMs(given['ttlMs'], `${path}.ttlMs`, { min: 1_000, default: HOUR_MS });
  return (now) => {
    const expiry = Math.ceil((now + ttlMs) / 1_000);
    const signature = createHmac('sha256', key).update(`${resource}\n${expiry}`, 'utf8').digest('base64');
    const token = `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${keyName}`;
    return { token, expiresAt: expiry * 1_000 };
  };
}
