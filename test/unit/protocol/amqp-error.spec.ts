import { describe, expect, it } from '@jest/globals';
import { connectionClosedByPeer, linkDetached } from '../../../lib/protocol/amqp-error.js';
import {
  ConnectionError,
  ConnectionRedirectError,
  LinkDetachedError,
  LinkRedirectError,
} from '../../../lib/protocol/errors.js';

const link = { name: 'l', address: 'orders' };

describe('the end of a link', () => {
  it('without an error is told apart from a failure: it has no condition, and is worth another try', () => {
    const orderly = linkDetached(link, undefined);
    expect(orderly).toBeInstanceOf(LinkDetachedError);
    expect(orderly).toMatchObject({ code: 'detached', condition: undefined, retryable: true });
    expect(orderly.message).toContain('no reason given');
    const failed = linkDetached(link, { condition: 'amqp:not-found', description: 'gone' });
    expect(failed).toMatchObject({ code: 'detached', condition: 'amqp:not-found', retryable: false });
    expect(failed.message).toContain('amqp:not-found: gone');
  });
});

describe('a redirect', () => {
  it.each([
    [undefined, {}],
    [{}, {}],
    [{ port: 5671n }, { port: 5671 }],
    [
      { hostname: 'h', 'network-host': 'n', port: 5671, address: 'q', scheme: 'amqps', path: '/p' },
      { hostname: 'h', networkHost: 'n', port: 5671, address: 'q', scheme: 'amqps', path: '/p' },
    ],
  ])('says where to, as far as the peer does: %p', (info, redirect) => {
    const error = linkDetached(link, { condition: 'amqp:link:redirect', ...(info === undefined ? {} : { info }) });
    expect(error).toBeInstanceOf(LinkRedirectError);
    expect(error).toMatchObject({ code: 'redirect', retryable: false, redirect, address: 'orders' });
    const closed = connectionClosedByPeer({
      condition: 'amqp:connection:redirect',
      ...(info === undefined ? {} : { info }),
    });
    expect(closed).toBeInstanceOf(ConnectionRedirectError);
    expect(closed).toBeInstanceOf(ConnectionError);
    expect(closed).toMatchObject({ code: 'redirect', retryable: false, redirect });
  });
});
