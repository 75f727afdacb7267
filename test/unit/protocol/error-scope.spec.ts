import { describe, expect, it } from '@jest/globals';
import {
  attachRefused,
  attachRefusedBySession,
  connectionClosedByPeer,
  linkDetached,
  linkEndedWithSession,
  saslRefused,
} from '../../../lib/protocol/amqp-error.js';
import { AmqpError, type PeerError } from '../../../lib/protocol/errors.js';
import { isRefusal } from '../../../lib/client/connection/refusal.js';

const link = { name: 'l', address: 'orders' };
const close = (condition: string): AmqpError => connectionClosedByPeer({ condition });
const detach = (condition: string): AmqpError => linkDetached(link, { condition });
const end = (condition: string): AmqpError => attachRefusedBySession(link, { condition });

// Table T3 of kombu's parity: reply codes of AMQP 0-9-1, where their conditions arrive on AMQP 1.0, and what another try is worth.
describe('an error of the peer, by what 0-9-1 called it', () => {
  it.each<[string, AmqpError, string, AmqpError['scope'], boolean]>([
    ['311 ContentTooLarge', detach('amqp:link:message-size-exceeded'), 'LinkDetachedError', 'link', false],
    ['320 ConnectionForced', close('amqp:connection:forced'), 'ConnectionError', 'connection', true],
    ['403 AccessRefused on a link', detach('amqp:unauthorized-access'), 'LinkDetachedError', 'link', false],
    ['403 AccessRefused at the login', saslRefused(1, 'PLAIN'), 'AuthenticationError', 'connection', false],
    ['404 NotFound', end('amqp:not-found'), 'LinkError', 'session', false],
    [
      '404 NotFound, answered by DETACH',
      attachRefused(link, { condition: 'amqp:not-found' }),
      'LinkError',
      'link',
      false,
    ],
    ['405 ResourceLocked', end('amqp:resource-locked'), 'LinkError', 'session', true],
    ['406 PreconditionFailed', end('amqp:precondition-failed'), 'LinkError', 'session', false],
    ['501 FrameError', close('amqp:connection:framing-error'), 'ConnectionError', 'connection', true],
    ['502 SyntaxError', close('amqp:decode-error'), 'ConnectionError', 'connection', true],
    ['504 ChannelError', end('amqp:illegal-state'), 'LinkError', 'session', true],
    ['505 UnexpectedFrame', end('amqp:session:unattached-handle'), 'LinkError', 'session', true],
    ['506 ResourceError', close('amqp:resource-limit-exceeded'), 'ConnectionError', 'connection', true],
    ['530 NotAllowed', close('amqp:not-allowed'), 'ConnectionError', 'connection', false],
    ['540 NotImplemented', end('amqp:not-implemented'), 'LinkError', 'session', false],
    ['541 InternalError', end('amqp:internal-error'), 'LinkError', 'session', true],
    ['ConsumerCancelled', detach('amqp:resource-deleted'), 'LinkDetachedError', 'link', true],
    ['a condition of its own', detach('com.example:busy'), 'LinkDetachedError', 'link', true],
  ])('%s', (_code, error, name, scope, retryable) => {
    expect(error).toMatchObject({ name, scope, retryable });
  });

  it.each<[string, AmqpError, boolean]>([
    ['404', end('amqp:not-found'), true],
    ['403', detach('amqp:unauthorized-access'), true],
    ['a deleted queue', detach('amqp:resource-deleted'), true],
    ['320', close('amqp:connection:forced'), false],
    ['405', end('amqp:resource-locked'), false],
    ['541', end('amqp:internal-error'), false],
  ])('%s is a refusal that is retried slowly, or a fault that is retried soon', (_code, error, refused) => {
    expect(isRefusal(error)).toBe(refused);
  });

  it('of the session is told to each link on it, with the condition', () => {
    const peer: PeerError = { condition: 'amqp:internal-error', description: 'boom' };
    const error = linkEndedWithSession(link, peer, true);
    expect(error).toMatchObject({ scope: 'session', condition: 'amqp:internal-error', address: 'orders' });
    expect(error.message).toContain('boom');
  });
});
