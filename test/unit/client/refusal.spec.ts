import { describe, expect, it } from '@jest/globals';
import { isRefusal, linkFailure } from '../../../lib/client/connection/refusal.js';
import { PROFILE_NAMES, profileNamed } from '../../../lib/client/profile/profiles.js';
import {
  AuthenticationError,
  ConnectionError,
  LinkError,
  LinkStolenError,
  type AmqpError,
} from '../../../lib/protocol/index.js';

const connectionError = (code: string, condition?: string): AmqpError => new ConnectionError(code, 'x', { condition });
const linkError = (condition?: string): AmqpError => new LinkError('x', 'orders', 'link', { condition });

describe('a failure of the connection', () => {
  it.each<[string, AmqpError, boolean]>([
    ['wrong credentials', new AuthenticationError('x', 1), true],
    ['a CLOSE with amqp:unauthorized-access', connectionError('connection-lost', 'amqp:unauthorized-access'), true],
    ['a CLOSE with amqp:connection:forced', connectionError('connection-lost', 'amqp:connection:forced'), false],
    ['a lost byte stream', connectionError('connection-lost'), false],
    ['an OPEN with an impossible field', connectionError('protocol-error', 'amqp:invalid-field'), false],
    ['a frame out of turn', connectionError('protocol-error', 'amqp:not-allowed'), false],
  ])('by %s', (_what, error, refused) => {
    expect(isRefusal(error)).toBe(refused);
  });
});

describe('a CLOSE for the container-id', () => {
  const ofContainerId = (field: string): AmqpError =>
    new ConnectionError('connection-lost', 'already connected', {
      condition: 'amqp:invalid-field',
      info: { 'invalid-field': field },
    });

  it('is a refusal before a peer was ever connected', () => {
    expect(isRefusal(ofContainerId('container-id'))).toBe(true);
  });

  it('is none after a connection to ActiveMQ, which has not noticed its loss, and one on every other peer', () => {
    const patient = PROFILE_NAMES.filter((name) => !isRefusal(ofContainerId('container-id'), profileNamed(name)));
    expect(patient).toEqual(['activemq']);
  });

  it('for another field is one there, too', () => {
    expect(isRefusal(ofContainerId('hostname'), profileNamed('activemq'))).toBe(true);
    expect(isRefusal(connectionError('connection-lost', 'amqp:invalid-field'), profileNamed('activemq'))).toBe(true);
  });
});

describe('the end of a link', () => {
  it.each<[string, AmqpError, string]>([
    ['amqp:not-found', linkError('amqp:not-found'), 'refused'],
    ['amqp:link:detach-forced', linkError('amqp:link:detach-forced'), 'transient'],
    ["Azure's disabled entity", linkError('com.microsoft:entity-disabled'), 'refused'],
    ["Azure's wrong argument", linkError('com.microsoft:argument-error'), 'refused'],
    ["Azure's throttling", linkError('com.microsoft:server-busy'), 'transient'],
    ['a thief', new LinkStolenError('x', 'orders', 'link'), 'fatal'],
    ['a peer that breaks the protocol', connectionError('protocol-error', 'amqp:invalid-field'), 'transient'],
    ['a CLOSE that names a refusal', connectionError('connection-lost', 'amqp:not-allowed'), 'transient'],
  ])('by %s', (_what, error, kind) => {
    expect(linkFailure(error)).toBe(kind);
  });
});
