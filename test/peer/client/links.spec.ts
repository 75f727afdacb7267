import { afterEach, describe, expect, it } from '@jest/globals';
import { AmqpConnection } from '../../../lib/client/amqp-connection.js';
import type { ConnectionCore } from '../../../lib/client/connection/connection-core.js';
import { AmqpTimeoutError, ClientClosedError } from '../../../lib/client/errors.js';
import type { ConnectionOptions } from '../../../lib/client/options/connection-options.js';
import { ConnectionError, LinkError } from '../../../lib/protocol/index.js';
import { eventually } from '../../support/eventually.js';
import { ScriptedPeer, type PeerConnection, type PeerScript, type FrameOf } from '../../support/scripted-peer.js';
import { connection, ProbeOwner, type TestConnection } from './support.js';

const peers: ScriptedPeer[] = [];
const cores: ConnectionCore[] = [];

async function setUp(
  script: PeerScript = {},
  options: Partial<ConnectionOptions> = {},
): Promise<TestConnection & { readonly peer: ScriptedPeer }> {
  const peer = await ScriptedPeer.listen(script);
  peers.push(peer);
  const made = connection({ uri: peer.uri, ...options });
  cores.push(made.core);
  return { peer, ...made };
}

afterEach(async () => {
  await Promise.all(cores.splice(0).map((core) => core.close(1_000)));
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
});

const condition = (name: string): { kind: 'error'; condition: string } => ({ kind: 'error', condition: name });

/** The specification's way: an attach without a terminus, then a detach with the error. */
function refuse(via: PeerConnection, attach: FrameOf<'attach'>, name: string): void {
  via.reply('attach', attach.channel, { name: attach.name, handle: attach.handle, role: !attach.role });
  via.reply('detach', attach.channel, { handle: attach.handle, closed: true, error: condition(name) });
}

/** RabbitMQ's way. */
function refuseSession(via: PeerConnection, attach: FrameOf<'attach'>, name: string): void {
  via.session(attach.channel).end(condition(name));
}

describe('the first attach of a link', () => {
  it.each([
    ['by a detach', refuse],
    ['by the end of its session', refuseSession],
  ])('that is refused %s fails for good, with what the peer said', async (_name, answer) => {
    const { core, peer } = await setUp({ on: { attach: (via, attach) => answer(via, attach, 'amqp:not-found') } });
    await core.open();
    const probe = new ProbeOwner(core, 'orders');
    const ready = probe.handle.ready();
    await expect(ready).rejects.toMatchObject({ condition: 'amqp:not-found' });
    expect(probe.told).toEqual(['failed']);
    expect(probe.handle.state).toBe('failed');
    await expect(probe.handle.ready()).rejects.toMatchObject({ condition: 'amqp:not-found' });
    expect(peer.seen('attach')).toHaveLength(1);
  });

  it('that nobody answers is given up within its time, and tried again until ready() has waited long enough', async () => {
    const silent = { on: { attach: () => undefined } };
    const { core, peer } = await setUp(silent, { connectTimeoutMs: 500, bootTimeoutMs: 2_000 });
    await core.open();
    const probe = new ProbeOwner(core, 'orders');
    const ready = probe.handle.ready();
    await expect(ready).rejects.toBeInstanceOf(AmqpTimeoutError);
    await expect(ready).rejects.toThrow('no answer to the attach within 500 ms');
    expect(peer.seen('attach').length).toBeGreaterThan(1);
    expect(probe.told).toEqual([]);
  });

  it('waits no longer than the signal of who asks', async () => {
    const { core, peer } = await setUp({ on: { attach: () => undefined } });
    await core.open();
    const probe = new ProbeOwner(core, 'orders');
    const stop = new AbortController();
    const ready = probe.handle.ready(stop.signal);
    await peer.next('attach');
    stop.abort(new Error('enough'));
    await expect(ready).rejects.toThrow('enough');
    expect(probe.handle.state).toBe('attaching');
  });

  it('opens the connection when nobody did', async () => {
    const { core } = await setUp();
    const probe = new ProbeOwner(core, 'orders');
    expect(probe.handle.state).toBe('idle');
    await probe.handle.ready();
    expect(core.life.status).toBe('connected');
    expect(probe.handle.state).toBe('attached');
  });

  it('rejects with the reason when the connection cannot be opened, and may be asked again', async () => {
    const script: { saslCode: number } = { saslCode: 1 };
    const { core } = await setUp(script);
    const probe = new ProbeOwner(core, 'orders');
    await expect(probe.handle.ready()).rejects.toMatchObject({ code: 'authentication' });
    expect(probe.handle.state).toBe('idle');
    script.saslCode = 0;
    await probe.handle.ready();
    expect(probe.told).toEqual(['attached']);
  });

  it('goes on when the connection is lost in the middle of it', async () => {
    let seen = 0;
    const { core } = await setUp({
      on: {
        attach: (via, _attach, byDefault) => {
          seen += 1;
          if (seen === 1) via.drop();
          else byDefault();
        },
      },
    });
    const probe = new ProbeOwner(core, 'orders');
    await probe.handle.ready();
    expect(probe.told).toEqual(['attached']);
    expect(seen).toBe(2);
  });
});

describe('an attached link', () => {
  it.each<[string, (peer: ScriptedPeer) => void]>([
    ['is detached without an error', (peer) => peer.connection.links[0]?.detach()],
    ['is detached and not closed', (peer) => peer.connection.links[0]?.detach({ closed: false })],
    [
      'is detached by force',
      (peer) => peer.connection.links[0]?.detach({ error: condition('amqp:link:detach-forced') }),
    ],
    ['loses its session', (peer) => peer.connection.session().end()],
    ['loses its session to an error', (peer) => peer.connection.session().end(condition('amqp:internal-error'))],
    ['loses its connection', (peer) => peer.connection.drop()],
    ['sees the connection closed', (peer) => peer.connection.close(condition('amqp:connection:forced'))],
  ])('comes back on a session of its own when it %s', async (_name, fault) => {
    const { core, peer } = await setUp();
    const probe = new ProbeOwner(core, 'orders');
    await probe.handle.ready();
    fault(peer);
    await eventually('attached again', () => probe.told.length === 3);
    expect(probe.told).toEqual(['attached', 'lost', 'attached']);
    expect(probe.links.map(({ isOpen }) => isOpen)).toEqual([false, true]);
    expect(probe.handle.state).toBe('attached');
    expect(peer.violations).toEqual([]);
  });

  it('of replies end when their address is gone: it is not asked for again', async () => {
    const { core, peer, logged } = await setUp();
    const probe = new ProbeOwner(core, 'requester', 'replies');
    await probe.handle.ready();
    const [link] = [...peer.connection.session().links.values()];
    link?.detach({ closed: true, error: condition('amqp:resource-deleted') });
    await eventually('given up', () => probe.handle.state === 'failed');
    expect(probe.told).toEqual(['attached', 'failed']);
    expect(logged.filter((line) => line.includes('requester'))).toEqual([]);
  });

  it('that is stolen stays away, and says so once', async () => {
    const { core, peer } = await setUp();
    const probe = new ProbeOwner(core, 'orders');
    await probe.handle.ready();
    peer.connection.links[0]?.detach({ error: condition('amqp:link:stolen') });
    await eventually('told', () => probe.told.length > 1);
    expect(probe.told).toEqual(['attached', 'failed']);
    await expect(probe.handle.ready()).rejects.toMatchObject({ code: 'stolen' });
    expect(peer.seen('attach')).toHaveLength(1);
  });

  it.each([
    ['deleted', 'amqp:resource-deleted'],
    ['no longer allowed', 'amqp:unauthorized-access'],
  ])('whose queue is %s comes back slowly, with one line in the log', async (_name, name) => {
    const { core, peer, logged } = await setUp({}, { refusedRetryMs: 100 });
    const probe = new ProbeOwner(core, 'orders');
    await probe.handle.ready();
    const startedAt = performance.now();
    peer.connection.links[0]?.detach({ error: condition(name) });
    await eventually('lost', () => probe.told.includes('lost'));
    expect(probe.handle.state).toBe('refused');
    await eventually('attached again', () => probe.handle.state === 'attached');
    expect(performance.now() - startedAt).toBeGreaterThan(80);
    expect(logged.filter((line) => line.includes('"orders" was refused'))).toHaveLength(1);
  });

  it('that is refused again and again logs it once, and stays visible', async () => {
    let refusing = false;
    const { core, peer, logged } = await setUp(
      { on: { attach: (via, attach, byDefault) => (refusing ? refuse(via, attach, 'amqp:not-found') : byDefault()) } },
      { refusedRetryMs: 20 },
    );
    const probe = new ProbeOwner(core, 'orders');
    await probe.handle.ready();
    refusing = true;
    peer.connection.links[0]?.detach({ error: condition('amqp:resource-deleted') });
    await eventually('refused three times', () => peer.seen('attach').length >= 4);
    expect(probe.handle.state).toBe('refused');
    expect(logged.filter((line) => line.includes('was refused'))).toHaveLength(1);
    refusing = false;
    await probe.handle.ready();
  });

  it('that is refused ends when onRefused is stop', async () => {
    const { core, peer } = await setUp({}, { onRefused: 'stop' });
    const probe = new ProbeOwner(core, 'orders');
    await probe.handle.ready();
    peer.connection.links[0]?.detach({ error: condition('amqp:resource-deleted') });
    await eventually('told', () => probe.told.length > 1);
    expect(probe.told).toEqual(['attached', 'failed']);
  });

  it('is not attached in a tight loop by a peer that detaches it at once', async () => {
    const { core, peer } = await setUp(
      {
        on: {
          attach: (via, attach, byDefault) => {
            byDefault();
            via.session(attach.channel).links.get(attach.handle)?.detach();
          },
        },
      },
      { reconnect: { initialDelayMs: 40, maxDelayMs: 1_000 }, bootTimeoutMs: 300 },
    );
    await core.open();
    const probe = new ProbeOwner(core, 'orders');
    await probe.handle.ready().catch((error: unknown) => expect(error).toBeInstanceOf(AmqpTimeoutError));
    expect(peer.seen('attach').length).toBeLessThan(8);
  });

  it('is told that the connection is given up', async () => {
    const { core, peer } = await setUp({}, { reconnect: false });
    const probe = new ProbeOwner(core, 'orders');
    await probe.handle.ready();
    peer.connection.drop();
    await eventually('told', () => probe.told.includes('failed'));
    expect(probe.told).toEqual(['attached', 'lost', 'failed']);
    expect(probe.errors[1]).toBeInstanceOf(ConnectionError);
  });

  it('is told that the connection is closed, once', async () => {
    const { core } = await setUp();
    const probe = new ProbeOwner(core, 'orders');
    await probe.handle.ready();
    await core.close(500);
    expect(probe.told).toEqual(['attached', 'failed']);
    expect(probe.errors[0]).toBeInstanceOf(ClientClosedError);
  });

  it('does not disturb others when its owner throws', async () => {
    const { core, logged } = await setUp();
    const bad = new ProbeOwner(core, 'bad');
    bad.attached = () => {
      throw new Error('owner');
    };
    const good = new ProbeOwner(core, 'good');
    await Promise.all([bad.handle.ready(), good.handle.ready()]);
    expect(good.told).toEqual(['attached']);
    expect(logged).toContainEqual('"bad": owner');
  });
});

describe('a link that is released', () => {
  it('ends its session, and is not attached again', async () => {
    const { core, peer } = await setUp();
    const probe = new ProbeOwner(core, 'orders');
    await probe.handle.ready();
    await probe.handle.release();
    await probe.handle.release();
    await peer.next('end');
    expect(probe.handle.state).toBe('closed');
    await expect(probe.handle.ready()).rejects.toBeInstanceOf(ClientClosedError);
    expect(probe.told).toEqual(['attached']);
  });

  it('while it attaches leaves nothing at the peer', async () => {
    let letIn: () => void = () => undefined;
    const { core, peer } = await setUp({ on: { attach: (_via, _attach, byDefault) => (letIn = byDefault) } });
    await core.open();
    const probe = new ProbeOwner(core, 'orders');
    const ready = probe.handle.ready();
    await peer.next('attach');
    const released = probe.handle.release();
    await expect(ready).rejects.toBeInstanceOf(ClientClosedError);
    letIn();
    await released;
    await peer.next('end');
    expect(probe.told).toEqual([]);
    expect(peer.violations).toEqual([]);
  });

  it('while it waits for the next attempt makes none', async () => {
    const { core, peer } = await setUp({}, { reconnect: { initialDelayMs: 1_200, jitter: false } });
    const probe = new ProbeOwner(core, 'orders');
    await probe.handle.ready();
    peer.connection.links[0]?.detach();
    await eventually('lost', () => probe.told.includes('lost'));
    await probe.handle.release();
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect(peer.seen('attach')).toHaveLength(1);
  });
});

describe('sessions', () => {
  const open = { channelMax: 7 };
  const count = (peer: ScriptedPeer): number => peer.connection.sessions.size;

  it('are one per link while fewer than three quarters of the channels are used, shared beyond', async () => {
    const { core, peer } = await setUp({ open });
    const probes = Array.from({ length: 12 }, (_, index) => new ProbeOwner(core, `q${index}`));
    for (const probe of probes) await probe.handle.ready();
    // Six of eight channels are owned, one is shared by the others, one is left for who must be alone.
    expect(count(peer)).toBe(7);
    const alone = new ProbeOwner(core, 'alone', 'alone');
    await alone.handle.ready();
    expect(count(peer)).toBe(8);
    expect([...peer.connection.sessions.values()].map(({ links }) => links.size)).toEqual([1, 1, 1, 1, 1, 1, 6, 1]);
  });

  it('leave room for who must be alone, also when all links come at once', async () => {
    const { core, peer } = await setUp({ open });
    const probes = Array.from({ length: 20 }, (_, index) => new ProbeOwner(core, `q${index}`));
    await Promise.all(probes.map(({ handle }) => handle.ready()));
    expect(count(peer)).toBeLessThanOrEqual(7);
    const alone = new ProbeOwner(core, 'alone', 'alone');
    await alone.handle.ready();
    expect(probes.every(({ told }) => told.join() === 'attached')).toBe(true);
  });

  it('for replies are shared with other replies at most, and only once half of the channels are used', async () => {
    const { core, peer } = await setUp({ open });
    const links = (): number[] => [...peer.connection.sessions.values()].map((session) => session.links.size);
    const add = async (name: string, session: 'shared' | 'replies'): Promise<void> =>
      new ProbeOwner(core, name, session).handle.ready();
    for (const name of ['r1', 'r2', 'r3', 'r4']) await add(name, 'replies');
    expect(links()).toEqual([1, 1, 1, 1]);
    for (const name of ['r5', 'r6']) await add(name, 'replies');
    expect(links()).toEqual([2, 2, 1, 1]);
    // What is no reply stays away from them, and they from it.
    for (const name of ['q1', 'q2', 'q3', 'q4', 'q5']) await add(name, 'shared');
    expect(links()).toEqual([2, 2, 1, 1, 1, 1, 3]);
    await add('r7', 'replies');
    expect(links()).toEqual([2, 2, 2, 1, 1, 1, 3]);
  });

  it('for replies are what a client of replies asks for', async () => {
    const { peer } = await setUp({ open: { channelMax: 3 } });
    const client = new AmqpConnection({ uri: peer.uri });
    try {
      await client.open();
      for (const address of ['r1', 'r2', 'r3']) await client.createReplyClient(address).attach();
      // The third of four channels would be one's own for any other link.
      expect([...peer.connection.sessions.values()].map(({ links }) => links.size)).toEqual([2, 1]);
    } finally {
      await client.close();
    }
  });

  it('that are all taken fail who must be alone, by name, until one is free', async () => {
    const { core } = await setUp({ open: { channelMax: 0 } }, { bootTimeoutMs: 1_500 });
    await core.open();
    const first = new ProbeOwner(core, 'first', 'alone');
    await first.handle.ready();
    const second = new ProbeOwner(core, 'second', 'alone');
    await expect(second.handle.ready()).rejects.toThrow('no session is left');
    await first.handle.release();
    await eventually('attached', () => second.handle.state === 'attached');
  });

  it('are shared even when the peer has but one', async () => {
    const { core, peer } = await setUp({ open: { channelMax: 0 } });
    const probes = [new ProbeOwner(core, 'a'), new ProbeOwner(core, 'b')];
    for (const probe of probes) await probe.handle.ready();
    expect(count(peer)).toBe(1);
  });

  it('that are shared take no more links than the handle-max of the peer', async () => {
    const { core, peer } = await setUp({ open: { channelMax: 0 }, begin: { handleMax: 1 } });
    const probes = ['a', 'b', 'c'].map((name) => new ProbeOwner(core, name));
    for (const probe of probes) await probe.handle.ready();
    const onFirst = [...(peer.connections[0]?.sessions.values() ?? [])].flatMap(({ links }) => [...links.values()]);
    expect(onFirst.map(({ address }) => address)).toEqual(['a', 'b']);
  });

  it('that end under several links bring all of them back soon, whatever the session was ended for', async () => {
    const { core, peer } = await setUp({ open: { channelMax: 0 } });
    const probes = ['a', 'b', 'c'].map((name) => new ProbeOwner(core, name));
    for (const probe of probes) await probe.handle.ready();
    peer.connection.session().end(condition('amqp:not-found'));
    await eventually('all attached again', () => probes.every(({ links }) => links.length === 2));
    for (const { told } of probes) expect(told.slice(0, 2)).toEqual(['attached', 'lost']);
    expect(probes.map(({ handle }) => handle.state)).toEqual(['attached', 'attached', 'attached']);
  });

  it('end only with their last link', async () => {
    const { core, peer } = await setUp({ open: { channelMax: 0 } });
    const [first, second] = ['a', 'b'].map((name) => new ProbeOwner(core, name));
    await first?.handle.ready();
    await second?.handle.ready();
    await first?.handle.release();
    expect(peer.seen('end')).toHaveLength(0);
    await second?.handle.release();
    await peer.next('end');
  });
});

describe('a hundred links', () => {
  it('all come back when the connection is lost three times', async () => {
    const { core, peer } = await setUp(
      { open: { channelMax: 63 } },
      { reconnect: { initialDelayMs: 1, maxDelayMs: 5 } },
    );
    const probes = Array.from({ length: 100 }, (_, index) => new ProbeOwner(core, `q${index}`));
    await Promise.all(probes.map(({ handle }) => handle.ready()));
    for (let round = 0; round < 3; round++) {
      peer.connection.drop();
      await eventually('all are back', () => probes.every(({ links }) => links.length === round + 2), {
        timeoutMs: 8_000,
      });
    }
    for (const { errors } of probes)
      expect(errors.every((error) => error instanceof LinkError || error instanceof ConnectionError)).toBe(true);
    expect(peer.violations).toEqual([]);
  }, 30_000);
});
