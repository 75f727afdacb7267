import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { AmqpConnection } from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { ForkedPeer } from '../../support/forked-peer.js';

// A process is started, on a machine that may be busy.
jest.setTimeout(20_000);

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

async function connect(): Promise<{ peer: ForkedPeer; connection: AmqpConnection }> {
  const peer = await ForkedPeer.start();
  cleanUps.push(async () => peer.stop());
  const connection = new AmqpConnection({
    uri: peer.uri,
    keepAlive: { idleTimeoutMs: 1_000 },
    reconnect: { initialDelayMs: 5, maxDelayMs: 20 },
  });
  cleanUps.push(async () => connection.close({ timeoutMs: 500 }));
  await connection.open();
  return { peer, connection };
}

describe('an event loop that was blocked', () => {
  it('is not mistaken for a silent peer', async () => {
    const { peer, connection } = await connect();
    const statuses: string[] = [];
    connection.on('status', ({ status }) => statuses.push(status));
    block(2_500);
    const sent = await connection.createSendClient('orders').send('still here');

    expect(sent.ok).toBe(true);
    expect(statuses).toEqual([]);
    expect(await peer.call('connections')).toBe(1);
    expect(await peer.call('violations')).toEqual([]);
  });

  it('does not hide a peer that is silent', async () => {
    const { peer, connection } = await connect();
    peer.freeze();
    block(1_500);
    await eventually('it is noticed', () => connection.status !== 'connected', { timeoutMs: 8_000 });
    peer.thaw();
    await eventually('it is back', () => connection.status === 'connected');
  }, 20_000);
});
