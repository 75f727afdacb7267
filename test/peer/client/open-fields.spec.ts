import { afterEach, describe, expect, it } from '@jest/globals';
import { AmqpConnection } from '../../../lib/client/amqp-connection.js';
import type { ConnectionOptions } from '../../../lib/client/options/connection-options.js';
import { eventually } from '../../support/eventually.js';
import { ScriptedPeer, type PeerScript } from '../../support/scripted-peer.js';

const peers: ScriptedPeer[] = [];
const connections: AmqpConnection[] = [];
afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
});

async function connected(
  script: PeerScript,
  options: Partial<ConnectionOptions> = {},
): Promise<{ readonly peer: ScriptedPeer; readonly connection: AmqpConnection }> {
  const peer = await ScriptedPeer.listen(script);
  peers.push(peer);
  const connection = new AmqpConnection({ uri: peer.uri, bootTimeoutMs: 3_000, ...options });
  connections.push(connection);
  await connection.open();
  return { peer, connection };
}

describe('what the peer says in OPEN', () => {
  it('can be seen on the connection: who it is, and what it can do', async () => {
    const properties = { product: 'Scripted', version: '1.2', 'queue-prefix': 'queue://' };
    const offeredCapabilities = ['ANONYMOUS-RELAY', 'DELAYED_DELIVERY'];
    const { peer, connection } = await connected({
      open: { containerId: 'broker-7', properties, offeredCapabilities },
    });
    const seen = { product: 'Scripted', version: '1.2', profile: 'generic', uri: peer.uri };
    expect(connection.peer).toEqual({ ...seen, containerId: 'broker-7', properties, offeredCapabilities });
  });

  it('may be nothing', async () => {
    const { connection } = await connected({ open: { properties: undefined, offeredCapabilities: undefined } });
    expect(connection.peer).toMatchObject({ properties: {}, offeredCapabilities: [] });
    expect(connection.peer).not.toHaveProperty('product');
  });
});

describe('what BEGIN says', () => {
  it('is the window and the handle-max of the options', async () => {
    const { peer, connection } = await connected({}, { handleMax: 7, incomingWindow: 100 });
    await connection.createSendClient('orders').send('hello');
    expect(await peer.next('begin')).toMatchObject({ handleMax: 7, incomingWindow: 100 });
  });

  it('is 65 535 links and 16 384 frames without options', async () => {
    const { peer, connection } = await connected({});
    await connection.createSendClient('orders').send('hello');
    expect(await peer.next('begin')).toMatchObject({ handleMax: 65_535, incomingWindow: 16_384 });
  });

  it('holds for our own links too, where the peer allows more', async () => {
    const { peer, connection } = await connected({ open: { channelMax: 0 } }, { handleMax: 1 });
    const clients = ['a', 'b', 'c'].map((queue) => connection.createSendClient(queue, { sendTimeoutMs: 4_000 }));
    const results = await Promise.allSettled(clients.map((client) => client.send('hello')));
    // Two on the one session of the first connection; for the third there is a further one.
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect(peer.connections).toHaveLength(2);
    expect(Math.max(...peer.seen('attach').map(({ handle }) => handle))).toBe(1);
    expect(peer.violations).toEqual([]);
  });

  it('a window of two frames is renewed as they are used', async () => {
    const { peer, connection } = await connected({}, { incomingWindow: 2 });
    const inbox = connection.createReceiveClient('orders');
    const received = inbox.receiveBatch({ maxMessages: 5, waitMs: 3_000 });
    const link = await peer.nextLink('receiver');
    await link.creditAtLeast(5);
    const before = peer.seen('flow').length;
    for (let sent = 0; sent < 5; sent++) link.send({ value: 'x' });
    const messages = await received;
    expect(messages).toHaveLength(5);
    await eventually('the window was renewed', () => peer.seen('flow').length > before);
    expect(peer.seen('flow').at(-1)).toMatchObject({ incomingWindow: 2 });
    await Promise.all(messages.map((message) => message.accept()));
  });
});
