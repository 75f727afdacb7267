import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { parseConnectionString } from '../../../lib/client/credentials/connection-string.js';
import { jwtToken, type JwtTokenOptions } from '../../../lib/client/credentials/jwt-token.js';
import { createSasToken, sasToken, type SasKeyOptions } from '../../../lib/client/credentials/sas-token.js';
import { InvalidOptionsError } from '../../../lib/protocol/invalid-options-error.js';

const KEY = { audience: 'sb://ns.servicebus.windows.net/my queue', keyName: 'Root Key', key: 'c2VjcmV0+/=' };
const HOUR = 3_600_000;

describe('a shared access signature', () => {
  it('is made as its definition has it: HMAC-SHA256 over the encoded resource and the expiry', () => {
    const before = Math.ceil((Date.now() + 60_000) / 1_000);
    const { token, expiresAt } = createSasToken({ ...KEY, ttlMs: 60_000 });
    const [, resource, signature, expiry, keyName] =
      /^SharedAccessSignature sr=([^&]+)&sig=([^&]+)&se=(\d+)&skn=([^&]+)$/.exec(token) ?? [];
    expect(resource).toBe('sb%3A%2F%2Fns.servicebus.windows.net%2Fmy%20queue');
    expect(keyName).toBe('Root%20Key');
    expect(Number(expiry)).toBeGreaterThanOrEqual(before);
    expect(expiresAt).toBe(Number(expiry) * 1_000);
    const signed = createHmac('sha256', 'c2VjcmV0+/=').update(`${resource}\n${expiry}`).digest('base64');
    expect(decodeURIComponent(signature ?? '')).toBe(signed);
  });

  it('equals one that was made by another implementation', () => {
    // python3: base64.b64encode(hmac.new(b'abc', b'sb%3A%2F%2Fh%2Fq\n1700000000', hashlib.sha256).digest())
    const realNow = Date.now;
    try {
      Date.now = () => 1_700_000_000_000 - HOUR;
      expect(createSasToken({ audience: 'sb://h/q', keyName: 'k', key: 'abc' })).toEqual({
        token:
          'SharedAccessSignature sr=sb%3A%2F%2Fh%2Fq&sig=hTNpB6La8W14F4HlCNCit85Qq2e%2FEDFsJ0J2OF6TuuQ%3D&se=1700000000&skn=k',
        expiresAt: 1_700_000_000_000,
      });
    } finally {
      Date.now = realNow;
    }
  });

  it.each([
    [1_000, 1],
    [86_400_000, 86_400],
    [86_400_000 * 24, 86_400 * 24],
    [undefined, 3_600],
  ])('of a life of %p ms says so in seconds, all of them', (ttlMs, seconds) => {
    const now = Math.floor(Date.now() / 1_000);
    const { expiresAt } = createSasToken({ ...KEY, ttlMs });
    expect(expiresAt / 1_000 - now).toBeGreaterThanOrEqual(seconds);
    expect(expiresAt / 1_000 - now).toBeLessThanOrEqual(seconds + 2);
  });

  it('is signed anew each time it is asked for, and renewed before its end', async () => {
    const { tokens } = sasToken({ ...KEY, ttlMs: 5_000, refreshBeforeMs: 700 });
    expect(tokens).toMatchObject({ isRenewable: true, refreshBeforeMs: 700, node: '$cbs', audiences: [KEY.audience] });
    const token = await tokens?.get();
    expect(token?.token).toMatch(/^SharedAccessSignature sr=/);
    expect(token?.expiresAt).toBeGreaterThan(Date.now() + 4_000);
  });

  it('that is ready-made goes out as it is, and nothing renews it', async () => {
    const ready = { audience: 'a', token: 'SharedAccessSignature sr=a', expiresAt: Date.now() + HOUR };
    const { tokens } = sasToken(ready);
    expect(tokens).toMatchObject({ isRenewable: false, type: 'servicebus.windows.net:sastoken' });
    expect(await tokens?.get()).toEqual({ token: ready.token, expiresAt: ready.expiresAt });
  });

  it('takes what is undefined for left out, in either form', async () => {
    const key = sasToken({ ...KEY, token: undefined, expiresAt: undefined });
    expect(key.tokens).toMatchObject({ isRenewable: true });
    const ready = { audience: 'a', token: 't', expiresAt: Date.now() + HOUR, keyName: undefined, key: undefined };
    expect(await sasToken(ready).tokens?.get()).toMatchObject({ token: 't' });
  });

  it.each<[string, object, string]>([
    ['without an audience', { ...KEY, audience: '' }, 'sasToken.audience'],
    ['without a key name', { ...KEY, keyName: undefined }, 'sasToken.keyName'],
    ['without a key', { ...KEY, key: undefined }, 'sasToken.key'],
    ['with a key that is no string', { ...KEY, key: Buffer.from('x') }, 'sasToken.key'],
    ['with a life under a second', { ...KEY, ttlMs: 999 }, 'sasToken.ttlMs'],
    ['with a window that is no time', { ...KEY, refreshBeforeMs: -1 }, 'sasToken.refreshBeforeMs'],
    ['with an unknown option', { ...KEY, expiresIn: 5 }, 'sasToken.expiresIn'],
    ['of both forms', { ...KEY, token: 't', expiresAt: Date.now() + HOUR }, 'sasToken.keyName'],
    ['ready-made without an end', { audience: 'a', token: 't' }, 'sasToken.expiresAt'],
    ['ready-made whose time is over', { audience: 'a', token: 't', expiresAt: Date.now() - 1 }, 'sasToken.expiresAt'],
    ['ready-made with seconds', { audience: 'a', token: 't', expiresAt: 1_900_000_000 }, 'sasToken.expiresAt'],
    [
      'ready-made with a token that is not there',
      { audience: 'a', token: undefined, expiresAt: Date.now() + HOUR },
      'sasToken.token',
    ],
    ['ready-made without a token', { audience: 'a', token: '', expiresAt: Date.now() + HOUR }, 'sasToken.token'],
  ])('%s is refused at once', (_name, options, option) => {
    let thrown: unknown;
    try {
      sasToken(options as SasKeyOptions);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(InvalidOptionsError);
    expect(thrown).toMatchObject({ option });
    expect(String(thrown)).not.toContain(KEY.key);
  });

  it('shows nothing of its key', () => {
    expect(inspect(sasToken(KEY), { depth: 9, showHidden: true })).not.toContain(KEY.key);
    expect(JSON.stringify(sasToken(KEY))).not.toContain(KEY.key);
  });
});

describe('a JSON Web Token', () => {
  const getToken = (): Promise<{ token: string; expiresOn: number }> =>
    Promise.resolve({ token: 't', expiresOn: Date.now() + HOUR });

  it.each<[string, object, string]>([
    ['without a function', { audience: 'a' }, 'jwtToken.getToken'],
    ['with a token in the place of the function', { audience: 'a', getToken: 'ey' }, 'jwtToken.getToken'],
    ['without an audience', { getToken }, 'jwtToken.audience'],
    ['with an empty list of audiences', { audience: [], getToken }, 'jwtToken.audience'],
    ['with an empty audience', { audience: ['a', ''], getToken }, 'jwtToken.audience[1]'],
    ['with an unknown option', { audience: 'a', getToken, ttlMs: 5 }, 'jwtToken.ttlMs'],
  ])('%s is refused at once', (_name, options, option) => {
    expect(() => jwtToken(options as JwtTokenOptions)).toThrow(InvalidOptionsError);
    expect(() => jwtToken(options as JwtTokenOptions)).toThrow(option);
  });

  it('is asked for only when a connection wants one', () => {
    let asked = 0;
    jwtToken({ audience: 'a', getToken: () => ((asked += 1), getToken()) });
    expect(asked).toBe(0);
  });
});

describe('a connection string', () => {
  const whole =
    'Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=c2VjcmV0+/=;EntityPath=orders';

  it.each([
    ['as the portal gives it', whole],
    ['with a semicolon at its end', `${whole};`],
    [
      'with empty parts and white space',
      ` ;; ${whole.replaceAll(';', ' ;\n ').replaceAll('Endpoint=', 'Endpoint = ')} ;\n`,
    ],
    ['in other case', whole.replace('Endpoint', 'ENDPOINT').replace('EntityPath', 'entitypath')],
  ])('%s is read', (_name, text) => {
    expect(parseConnectionString(text)).toMatchObject({
      endpoint: 'sb://ns.servicebus.windows.net/',
      host: 'ns.servicebus.windows.net',
      uri: 'amqps://ns.servicebus.windows.net',
      sharedAccessKeyName: 'Root',
      sharedAccessKey: 'c2VjcmV0+/=',
      entityPath: 'orders',
    });
  });

  it('keeps what it does not know, and is no prey to names of objects', () => {
    const { values } = parseConnectionString('__proto__=x;Own=a=b;Own=c=d');
    expect(Object.entries(values)).toEqual([
      ['__proto__', 'x'],
      ['Own', 'c=d'],
    ]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('reads a ready-made signature, a port, and an emulator without TLS', () => {
    const text =
      'Endpoint=sb://localhost:5300;SharedAccessSignature=SharedAccessSignature sr=a&se=1;UseDevelopmentEmulator=true';
    expect(parseConnectionString(text)).toMatchObject({
      uri: 'amqp://localhost:5300',
      sharedAccessSignature: 'SharedAccessSignature sr=a&se=1',
    });
  });

  it.each([
    ['', 'Key=Value'],
    ['  ', 'Key=Value'],
    [undefined, 'Key=Value'],
    ['SharedAccessKey', 'Key=Value'],
    ['=hunter2', 'Key=Value'],
    ['Endpoint=hunter2', 'Endpoint'],
    ['Endpoint=sb://user:hunter2@host', 'Endpoint'],
  ])('%j is refused, and not shown', (text, expected) => {
    expect(() => parseConnectionString(text as string)).toThrow(InvalidOptionsError);
    expect(() => parseConnectionString(text as string)).toThrow(expected);
    expect(() => parseConnectionString(text as string)).not.toThrow('hunter2');
  });
});
