// More links than one connection has room for.

import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import { AmqpConnection, type ConnectionOptions, type SendClient } from '../../../lib/client/index.js';
import { eventually } from '../../support/eventually.js';
import { ScriptedPeer, type PeerScript, type WireState } from '../../support/scripted-peer.js';

const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Room for four links on one connection. */
const NARROW = { channelMax: 1, handleMax: 1 };

function connect(
  uri: string,
  options: Partial<ConnectionOptions> = {},
): { readonly connection: AmqpConnection; readonly log: string[] } {
  const log: string[] = [];
  const write = (line: string): void => void log.push(line);
  const logger = { log: write, warn: write, error: write };
  const reconnect = { initialDelayMs: 2, maxDelayMs: 10 };
  const connection = new AmqpConnection({ uri, ...NARROW, containerId: 'c', reconnect, logger, ...options });
  ends.push(() => connection.close({ timeoutMs: 1_000 }));
  return { connection, log };
}

async function peerOf(script: PeerScript = {}): Promise<ScriptedPeer> {
  const peer = await ScriptedPeer.listen(script);
  ends.push(async () => {
    await peer.close();
    expect(peer.violations).toEqual([]);
  });
  return peer;
}

/** The container-ids of connections that are open. */
const open = (peer: ScriptedPeer): (string | undefined)[] =>
  peer.connections.filter(({ stream }) => !stream.destroyed).map(({ clientOpen }) => clientOpen?.containerId);

describe('links that find no session left', () => {
  it('go to further connections, each of which the log tells, and all of them work', async () => {
    const broker = await EmbeddedBroker.start();
    ends.push(() => broker.stop());
    const { connection, log } = connect(broker.uri);
    const queues = Array.from({ length: 10 }, (_, index) => `q${index}`);
    const arrived = queues.map(
      (queue) =>
        new Promise<unknown>((resolve) => {
          connection.createReceiveClient(queue).subscribe(({ body }) => resolve(body));
        }),
    );
    await Promise.all(queues.map((queue) => connection.createSendClient(queue).send(queue)));
    expect(await Promise.all(arrived)).toEqual(queues);
    const told = log.filter((line) => line.includes('no session is left'));
    expect(told.map((line) => /connection \d+ is opened/.exec(line)?.[0])).toEqual(
      [2, 3, 4, 5].map((number) => `connection ${number} is opened`),
    );
  });

  it('take the options of the first connection with them, and its container-id with a number', async () => {
    const peer = await peerOf();
    const { connection } = connect(peer.uri, { properties: { team: 'billing' } });
    await Promise.all(Array.from({ length: 5 }, (_, index) => connection.createSendClient(`q${index}`).attach()));
    expect(open(peer)).toEqual(['c', 'c-2']);
    expect(peer.connection.clientOpen?.properties).toMatchObject({ team: 'billing' });
  });

  it('let go of a further connection with the last of them', async () => {
    const peer = await peerOf();
    const { connection } = connect(peer.uri);
    const clients = Array.from({ length: 6 }, (_, index) => connection.createSendClient(`q${index}`));
    await Promise.all(clients.map((client) => client.attach()));
    expect(open(peer)).toEqual(['c', 'c-2']);
    const last = clients.filter(({ address }) => {
      const sessions = peer.connection.sessions.values();
      return [...sessions].some(({ links }) => [...links.values()].some((link) => link.address === address));
    });
    expect(last).toHaveLength(2);
    await Promise.all(last.map((client) => client.close()));
    await eventually('it is closed', () => open(peer).length === 1);
  });

  it('come back when the connections are lost', async () => {
    const peer = await peerOf();
    const { connection } = connect(peer.uri);
    const clients = Array.from({ length: 6 }, (_, index) => connection.createSendClient(`q${index}`));
    await Promise.all(clients.map((client) => client.attach()));
    for (const { stream } of [...peer.connections].toReversed()) stream.destroy();
    await eventually('all are attached', () => clients.every(({ state }) => state === 'attached'));
    for (const client of clients) await expect(client.send(1)).resolves.toMatchObject({ ok: true });
    expect(open(peer)).toEqual(['c', 'c-2']);
  });

  it('come back alone when only the further connection is lost', async () => {
    const peer = await peerOf();
    const { connection } = connect(peer.uri);
    const clients = Array.from({ length: 5 }, (_, index) => connection.createSendClient(`q${index}`));
    await Promise.all(clients.map((client) => client.attach()));
    peer.connection.stream.destroy();
    await eventually('it is there again', () => peer.connections.length === 3);
    for (const client of clients) await expect(client.send(1)).resolves.toMatchObject({ ok: true });
    expect(connection.status).toBe('connected');
    expect(open(peer)).toEqual(['c', 'c-2']);
  });

  describe('when only the first connection is lost', () => {
    /** Four links on the first connection, and `last` on a further one. */
    async function spread(
      script: PeerScript = {},
      options: (uri: string) => Partial<ConnectionOptions> = () => ({}),
    ): Promise<{ readonly peer: ScriptedPeer; readonly connection: AmqpConnection; readonly last: SendClient }> {
      const peer = await peerOf(script);
      const { connection } = connect(peer.uri, options(peer.uri));
      await Promise.all(Array.from({ length: 4 }, (_, index) => connection.createSendClient(`q${index}`).attach()));
      const last = connection.createSendClient('last', { onConnectionLost: 'fail', sendTimeoutMs: 2_000 });
      await last.attach();
      expect(open(peer)).toEqual(['c', 'c-2']);
      return { peer, connection, last };
    }
    const lose = (peer: ScriptedPeer): void => void peer.connections[0]?.stream.destroy();

    it('stay where they are, with what is under way', async () => {
      let verdict: WireState | undefined;
      const { peer, connection, last } = await spread({ verdict: () => verdict });
      const underWay = last.send(1);
      const delivery = await eventually('it is there', () => peer.deliveries[0]);
      lose(peer);
      await eventually('it is lost', () => connection.status !== 'connected');
      await eventually('it is back', () => connection.status === 'connected');
      expect(last.state).toBe('attached');
      delivery.link.session.dispose({ first: delivery.deliveryId });
      await expect(underWay).resolves.toMatchObject({ ok: true });
      verdict = { kind: 'accepted' };
      await eventually('all are attached', () => connection.links.every(({ state }) => state === 'attached'));
      await expect(last.send(2)).resolves.toMatchObject({ ok: true });
      expect(open(peer)).toEqual(['c-2', 'c']);
    });

    it('come back with it when theirs is lost meanwhile', async () => {
      let isGone = false;
      const { peer, connection, last } = await spread({ onConnection: (via) => void (isGone && via.stream.destroy()) });
      isGone = true;
      lose(peer);
      await eventually('it is lost', () => connection.status !== 'connected');
      peer.connections[1]?.stream.destroy();
      await eventually('it is lost, too', () => last.state === 'lost');
      isGone = false;
      await eventually('all are attached', () => connection.links.every(({ state }) => state === 'attached'));
      await expect(last.send(2)).resolves.toMatchObject({ ok: true });
    });

    it('end with it when it is given up', async () => {
      let isGone = false;
      const script: PeerScript = { onConnection: (via) => void (isGone && via.stream.destroy()) };
      const { peer, connection, last } = await spread(script, () => ({
        reconnect: { maxAttempts: 2, initialDelayMs: 1 },
      }));
      isGone = true;
      lose(peer);
      await eventually('it is given up', () => connection.lastStatus.isGivenUp);
      expect(last.state).toBe('failed');
      await eventually('theirs is closed', () => open(peer).length === 0);
    });

    it('go with it to another peer', async () => {
      const other = await peerOf();
      const { peer, connection, last } = await spread({}, (uri) => ({
        uri: [uri, other.uri],
        failover: 'round-robin',
      }));
      expect(other.connections).toHaveLength(0);
      lose(peer);
      await eventually('it is elsewhere', () => other.connections.length > 0 && connection.status === 'connected');
      await eventually('all are there', () => connection.links.every(({ state }) => state === 'attached'));
      await expect(last.send(2)).resolves.toMatchObject({ ok: true });
      expect(open(other)).toEqual(['c', 'c-2']);
      await eventually('nothing is left', () => open(peer).length === 0);
    });
  });

  it.each([
    ['a durable subscription', { topic: 't', durable: 'unsettled-state', linkName: 's' } as const],
    ['a shared subscription', { topic: 't', shared: 'container', linkName: 's' } as const],
    ["what does not want its own connection's messages", { topic: 't', noLocal: true } as const],
  ])('stay where they are known and fail by name: %s', async (_what, source) => {
    const peer = await peerOf();
    const { connection } = connect(peer.uri, { profile: 'artemis', bootTimeoutMs: 1_500 });
    await Promise.all(Array.from({ length: 4 }, (_, index) => connection.createSendClient(`q${index}`).attach()));
    await expect(connection.createReceiveClient(source).attach()).rejects.toThrow('no session is left');
    expect(open(peer)).toEqual(['c']);
  });

  it('tell why a further connection could not be had, and leave the others alone', async () => {
    let isFull = false;
    const peer = await peerOf({ onConnection: (via) => void (isFull && via.stream.destroy()) });
    const { connection } = connect(peer.uri);
    const clients = Array.from({ length: 4 }, (_, index) => connection.createSendClient(`q${index}`));
    await Promise.all(clients.map((client) => client.attach()));
    isFull = true;
    const fifth = connection.createSendClient('q4', { sendTimeoutMs: 1_500 });
    await expect(fifth.send(1)).rejects.toMatchObject({ code: 'timeout', delivered: 'no' });
    expect(connection.links.find(({ address }) => address === 'q4')?.error?.message).toContain('ended the byte stream');
    for (const client of clients) await expect(client.send(1)).resolves.toMatchObject({ ok: true });
  });
});
