import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import type { Credentials } from '../../../lib/client/credentials/credentials.js';
import { saslAnonymous, saslExternal, saslPlain, saslXoauth2 } from '../../../lib/client/credentials/sasl.js';
import { saslScram, scramExchange } from '../../../lib/client/credentials/scram.js';
import { AuthenticationError } from '../../../lib/protocol/errors.js';
import { InvalidOptionsError } from '../../../lib/protocol/invalid-options-error.js';

const first = async (credentials: ReturnType<typeof saslPlain>): Promise<string | undefined> =>
  (await credentials.start().initialResponse())?.toString('utf8');

describe('a password', () => {
  it.each([
    ['empty', ''],
    ['with NUL', 'a\0b'],
  ])('that is %s is refused at once', (_name, password) => {
    for (const make of [saslPlain, saslScram, saslXoauth2])
      expect(() => make('user', password)).toThrow(InvalidOptionsError);
  });

  it('that a function gives is asked for again at each attempt', async () => {
    let count = 0;
    const credentials = saslPlain('user', () => Promise.resolve(`secret-${++count}`));
    expect([await first(credentials), await first(credentials)]).toEqual(['\0user\0secret-1', '\0user\0secret-2']);
  });

  it.each<[string, () => string]>([
    [
      'throws',
      () => {
        throw new Error('vault is sealed: hunter2');
      },
    ],
    ['gives nothing', () => ''],
    ['gives NUL', () => 'a\0'],
    ['gives something else', () => undefined as unknown as string],
  ])('from a function that %s fails the attempt, which may be repeated, and is not shown', async (_name, provide) => {
    const attempt = first(saslPlain('user', provide));
    await expect(attempt).rejects.toBeInstanceOf(AuthenticationError);
    await expect(attempt).rejects.toMatchObject({ retryable: true, code: 'authentication' });
    await expect(attempt).rejects.not.toMatchObject({ message: expect.stringContaining('hunter2') });
  });

  it('is nowhere to be seen in the credentials', async () => {
    const credentials = saslPlain('user', 'hunter2');
    const mechanism = credentials.start();
    await mechanism.initialResponse();
    expect(inspect([credentials, mechanism], { depth: 9, showHidden: true })).not.toContain('hunter2');
    expect(JSON.stringify(credentials)).not.toContain('hunter2');
  });

  it('goes out byte for byte in UTF-8', async () => {
    const response = await saslPlain('üser', 'pässwörd🔑').start().initialResponse();
    expect(response).toEqual(Buffer.from('\0üser\0pässwörd🔑', 'utf8'));
  });
});

describe('a user', () => {
  it.each([[''], ['a\0b'], [undefined], [5]])('%j is refused', (user) => {
    expect(() => saslPlain(user as string, 'secret')).toThrow(InvalidOptionsError);
  });
});

describe('the mechanisms of one message', () => {
  it.each([
    [saslAnonymous(), 'ANONYMOUS', false],
    [saslExternal(), 'EXTERNAL', false],
    [saslPlain('u', 'p'), 'PLAIN', true],
    [saslXoauth2('u', 't'), 'XOAUTH2', true],
    [saslScram('u', 'p'), 'SCRAM-SHA-256', true],
  ])('%j', (credentials, name, isSecret) => {
    expect(credentials).toMatchObject({ mechanism: name, isSecret });
    expect(credentials.start().name).toBe(name);
  });

  it('refuse a challenge that they do not know', () => {
    for (const credentials of [saslAnonymous(), saslExternal(), saslPlain('u', 'p')])
      expect(() => credentials.start().step(Buffer.from('x'))).toThrow(AuthenticationError);
  });

  it('refuse the separator of XOAUTH2 in user and token, where more fields could be written with it', async () => {
    expect(() => saslXoauth2('a\u0001b', 't')).toThrow(InvalidOptionsError);
    expect(() => saslXoauth2('u', 't\u0001auth=x')).toThrow(InvalidOptionsError);
    const given = first(saslXoauth2('u', () => 't\u0001auth=x'));
    await expect(given).rejects.toMatchObject({ code: 'authentication', retryable: true });
    expect(await first(saslPlain('a\u0001', 'b\u0001'))).toBe('\0a\u0001\0b\u0001');
  });

  it('write an XOAUTH2 token as its definition has it', async () => {
    expect(await first(saslXoauth2('someuser@example.com', 'ya29.vF9'))).toBe(
      'user=someuser@example.com\u0001auth=Bearer ya29.vF9\u0001\u0001',
    );
  });
});

describe('what credentials tell in confidence', () => {
  const toldBy = async (credentials: Credentials): Promise<string[]> => {
    const told: string[] = [];
    await credentials.start((secret) => void told.push(secret)).initialResponse();
    return told;
  };

  it.each<[string, Credentials]>([
    ['PLAIN', saslPlain('user', () => 'secret')],
    ['XOAUTH2', saslXoauth2('user', 'secret')],
    ['SCRAM-SHA-256', saslScram('user', 'secret')],
  ])('is the secret: %s', async (_name, credentials) => {
    expect(await toldBy(credentials)).toContain('secret');
  });

  it("is not the user's name, whose password it may be", async () => {
    expect(await toldBy(saslPlain('guest', 'guest'))).not.toContain('guest');
    expect(await toldBy(saslScram('guest', 'guest'))).toEqual([]);
  });
});

describe('SCRAM-SHA-256', () => {
  const nonce = 'rOprNGfwEbeRWgbNEkqO';
  const serverFirst = `r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
  const exchange = () => scramExchange('user', () => Promise.resolve('pencil'), nonce);

  it('answers the example of RFC 7677', async () => {
    const mechanism = exchange();
    expect((await mechanism.initialResponse())?.toString()).toBe(`n,,n=user,r=${nonce}`);
    expect((await mechanism.step(Buffer.from(serverFirst))).toString()).toBe(
      `c=biws,r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
    );
    expect(() => mechanism.concluded?.()).toThrow('without a proof that it knows the password');
    expect(await mechanism.step(Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))).toHaveLength(0);
    expect(() => mechanism.concluded?.()).not.toThrow();
  });

  it.each([
    ['an error of the RFC', 'e=invalid-proof', 'it answered invalid-proof'],
    ['an error in words of its own', 'e=\u001b[2J,x', 'it answered an error'],
    ['an extension that has to be understood', 'm=1,v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', 'an extension'],
  ])('refuses a peer that ends with %s', async (_name, message, reason) => {
    const mechanism = exchange();
    await mechanism.step(Buffer.from(serverFirst));
    expect(() => mechanism.step(Buffer.from(message))).toThrow(reason);
    expect(() => mechanism.concluded?.()).toThrow(AuthenticationError);
  });

  it('escapes comma and equals sign in the user', async () => {
    const response = await scramExchange('a=b,c', () => Promise.resolve('x'), 'n').initialResponse();
    expect(response?.toString()).toBe('n,,n=a=3Db=2Cc,r=n');
  });

  it.each([
    ['a nonce that is not ours', 'r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'],
    ['a nonce that adds nothing', `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
    ['no salt', `r=${nonce}x,i=4096`],
    ['an empty salt', `r=${nonce}x,s=,i=4096`],
    ['an extension that has to be understood', `m=new,r=${nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
    ['such an extension behind the rest', `r=${nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,m=new`],
    ['a count of iterations for ever', `r=${nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2147483648`],
    ['too few iterations', `r=${nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1`],
    ['iterations that would burn our CPU', `r=${nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=9999999`],
    ['iterations that are no number', `r=${nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=many`],
    ['nothing', ''],
    ['bytes', '\u0000\u0001,,,=,'],
  ])('refuses a peer that sends %s', async (_name, challenge) => {
    await expect(Promise.resolve(exchange().step(Buffer.from(challenge)))).rejects.toBeInstanceOf(AuthenticationError);
  });

  it('refuses a peer that does not know the password', async () => {
    const mechanism = exchange();
    await mechanism.step(Buffer.from(serverFirst));
    expect(() => mechanism.step(Buffer.from(`v=${Buffer.alloc(32).toString('base64')}`))).toThrow(
      'does not know the password',
    );
    expect(() => mechanism.step(Buffer.from('v=x'))).toThrow(AuthenticationError);
  });
});
