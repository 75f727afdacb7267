import { describe, expect, it } from '@jest/globals';
import { saslMechanisms } from '../../../lib/broker/sasl.js';

const users = new Map([
  ['guest', 'sécret'],
  ['__proto__', 'x'],
]);
const plain = saslMechanisms({ users, allowAnonymous: false, claimsBased: false })[0];
const authenticate = (response: string | undefined): unknown =>
  plain?.authenticate(response === undefined ? undefined : Buffer.from(response));

describe('PLAIN', () => {
  it.each(['\0guest\0sécret', 'someone\0guest\0sécret'])('takes %j', (response) => {
    expect(authenticate(response)).toEqual({ identity: 'guest' });
  });

  it.each([
    undefined,
    '',
    '\0',
    '\0\0',
    '\0guest',
    '\0guest\0',
    '\0guest\0secret',
    '\0guest\0sécret\0',
    '\0Guest\0sécret',
    '\0nobody\0',
    '\0nobody\0undefined',
    '\0constructor\0x',
    'guest\0sécret',
  ])('refuses %j', (response) => {
    expect(authenticate(response)).toBeUndefined();
  });
});

describe('the mechanisms on offer', () => {
  it.each<[string[], { users: Map<string, string>; allowAnonymous: boolean; claimsBased: boolean }]>([
    [['PLAIN'], { users, allowAnonymous: false, claimsBased: false }],
    [['PLAIN', 'ANONYMOUS'], { users, allowAnonymous: true, claimsBased: false }],
    [['ANONYMOUS'], { users: new Map(), allowAnonymous: true, claimsBased: false }],
    [['ANONYMOUS', 'MSSBCBS'], { users: new Map(), allowAnonymous: true, claimsBased: true }],
  ])('are %j', (names, options) => {
    expect(saslMechanisms(options).map(({ name }) => name)).toEqual(names);
  });
});
