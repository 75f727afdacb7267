import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { Secrets } from '../../../lib/protocol/secrets.js';
import { Described } from '../../../lib/protocol/types/typed.js';

const SECRET = 'hünter2 "is" the secret';

describe('what a peer says', () => {
  it.each([
    ['as it is', SECRET],
    ['percent-encoded', encodeURIComponent(SECRET)],
    ['in base64', Buffer.from(SECRET).toString('base64')],
    ['in base64 for URLs', Buffer.from(SECRET).toString('base64url')],
    ['as JSON', JSON.stringify(SECRET)],
    ['in UTF-8 that was taken for Latin-1', Buffer.from(SECRET).toString('latin1')],
  ])('shows no secret that it repeats %s', (_how, repeated) => {
    const masked = new Secrets([SECRET]).masked(`refused (${repeated})`);
    expect(masked).toMatch(/^refused \("?\*\*\*=*"?\)$/);
  });

  it('shows none that holds another, nor the other', () => {
    expect(new Secrets(['secret', 'more than a secret']).masked('more than a secret, a secret')).toBe('***, a ***');
  });

  it('of a failure shows none in any part of it', () => {
    const secrets = new Secrets([SECRET]);
    const info = { [SECRET]: [SECRET, Buffer.from(SECRET), new Described(1n, { deep: SECRET })], count: 7 };
    const error = { condition: `app:${SECRET}`, description: SECRET, info };
    const masked = secrets.maskedError(error);
    expect(masked).toMatchObject({ condition: 'app:***', description: '***', info: { count: 7 } });
    expect(inspect(masked, { depth: 9 })).not.toContain('nter2');
    expect(error.description).toBe(SECRET);
  });

  it('of a failure shows none in a map with keys that are no strings', () => {
    const secrets = new Secrets([SECRET]);
    const map = new Map<unknown, unknown>([
      [1, `your ${SECRET}`],
      [SECRET, [SECRET, new Map([[2n, { deep: SECRET }]])]],
      [Buffer.from(SECRET), 7],
      [new Described(SECRET, SECRET), null],
    ]);
    const masked = secrets.maskedError({ condition: 'app:no', info: { map } });
    expect(masked.info).toEqual({
      map: new Map<unknown, unknown>([
        [1, 'your ***'],
        ['***', ['***', new Map([[2n, { deep: '***' }]])]],
        [Buffer.from('***'), 7],
        [new Described('***', '***'), null],
      ]),
    });
    expect(map.get(1)).toBe(`your ${SECRET}`);
    expect(secrets.maskedFacts({ list: [map] })).toEqual({ list: [masked.info?.['map']] });
  });

  it('keeps what a program acts on where a short secret may be a part of it by chance', () => {
    const secrets = new Secrets(['rabbit', 'not-found']);
    expect(secrets.maskedFacts({ product: 'rabbitmq' })).toEqual({ product: 'rabbitmq' });
    expect(secrets.maskedError({ condition: 'amqp:not-found', description: 'rabbit' })).toEqual({
      condition: 'amqp:not-found',
      description: '***',
    });
    const elsewhere = { condition: 'amqp:link:redirect', info: { hostname: 'rabbit.example' } };
    expect(secrets.maskedError(elsewhere)).toEqual(elsewhere);
  });

  it('is left as it is where nothing was told in confidence', () => {
    const error = { condition: 'amqp:not-found', description: 'no', info: { a: 1 } };
    expect(new Secrets().maskedError(error)).toBe(error);
    expect(new Secrets(['']).masked('as it is')).toBe('as it is');
  });

  it('is masked by the latest secrets: of those that are renewed the oldest are forgotten', () => {
    const secrets = new Secrets();
    for (let index = 0; index < 100; index++) secrets.add(`token-number-${index}.`);
    expect(secrets.masked('token-number-99. token-number-0.')).toBe('*** token-number-0.');
  });

  it('is all that shows them', () => {
    expect(inspect(new Secrets([SECRET]), { depth: 9, showHidden: true })).not.toContain('nter2');
  });
});
