// Pins lib/protocol/control/README.md: what is made up, rewritten and dropped, and what of rhea that rests on. Fails when a release of
// rhea or rhea-promise changes it.

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { RheaSocket } from '../../../lib/protocol/control/rhea-socket.js';
import { createRheaConnection, type RheaConnection } from '../../../lib/protocol/control/rhea.js';
import {
  AMQP_HEADER,
  EMPTY_FRAME,
  decodeFrame,
  encodeFrame,
  type AnyFrame,
  type FrameFields,
  type Loose,
  type Performative,
} from '../../support/scripted-peer.js';
import { eventually } from '../../support/eventually.js';
import { Bench, TestReceiver, TestSender, data, deadline, turn } from './harness.js';

const bench = new Bench();
afterEach(() => bench.clear());

/** rhea alone, on a socket of ours, and this test in the place of the peer. */
class BareRhea {
  readonly written: Buffer[] = [];
  readonly trouble: unknown[] = [];
  readonly socket = new RheaSocket((bytes) => this.written.push(Buffer.from(bytes)));
  readonly connection: RheaConnection = createRheaConnection(this.socket, 'spec', (error) => this.trouble.push(error));
  /** Calls under way; they end when the socket does. */
  private readonly calls: Promise<unknown>[] = [];

  call<T>(promise: Promise<T>): Promise<T> {
    this.calls.push(promise.catch(() => undefined));
    return promise;
  }

  frames(): AnyFrame[] {
    return this.written.filter((bytes) => bytes.toString('latin1', 0, 4) !== 'AMQP').map((bytes) => decodeFrame(bytes));
  }

  kinds(): string[] {
    return this.frames().map((frame) => frame.performative);
  }

  tell<P extends Exclude<Performative, 'empty'>>(performative: P, fields: Loose<FrameFields[P]>): void {
    this.socket.deliver(encodeFrame(performative, 0, fields));
  }

  async open(): Promise<void> {
    const opened = this.call(this.connection.open());
    await turn();
    this.socket.deliver(AMQP_HEADER);
    this.tell('open', { containerId: 'peer', channelMax: 65_535 });
    await opened;
  }

  async session(): Promise<Awaited<ReturnType<RheaConnection['createSession']>>> {
    const begun = this.call(this.connection.createSession());
    await turn();
    this.tell('begin', { remoteChannel: 0, nextOutgoingId: 0, incomingWindow: 2_048, outgoingWindow: 2_048 });
    return begun;
  }

  async end(): Promise<void> {
    this.socket.disconnect();
    await Promise.all(this.calls);
  }
}

describe('what the control plane rests on', () => {
  let rhea: BareRhea;
  beforeEach(() => {
    rhea = new BareRhea();
  });
  afterEach(() => rhea.end());

  it('is pinned to these releases', () => {
    for (const [name, version] of [
      ['rhea', '3.0.5'],
      ['rhea-promise', '3.0.3'],
    ]) {
      const manifest: unknown = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'));
      expect(manifest).toMatchObject({ version });
    }
  });

  it('1 to 3: a socket of ours, one frame or header per write, no SASL, no timers', async () => {
    await rhea.open();
    await rhea.session();
    expect(rhea.written[0]).toEqual(AMQP_HEADER);
    for (const bytes of rhea.written.slice(1)) expect(bytes.readUInt32BE(0)).toBe(bytes.length);
    expect(rhea.kinds()).toEqual(['open', 'begin']);
    expect(rhea.frames()[0]).not.toHaveProperty('idleTimeOut');
    expect(rhea.trouble).toEqual([]);
  });

  it('4: an abort ends the call, and what is answered late is closed', async () => {
    await rhea.open();
    const session = await rhea.session();
    const abort = new AbortController();
    const attaching = rhea.call(
      session.createReceiver({ name: 'a', source: { address: '' }, credit_window: 0, abortSignal: abort.signal }),
    );
    await turn();
    abort.abort();
    await expect(attaching).rejects.toMatchObject({ name: 'AbortError' });
    rhea.tell('attach', {
      name: 'a',
      handle: 0,
      role: false,
      source: { kind: 'source' },
      target: { kind: 'target' },
      initialDeliveryCount: 0,
    });
    await turn();
    expect(rhea.kinds().slice(2)).toEqual(['attach', 'detach']);
    expect(rhea.connection.options.operationTimeoutInSeconds).toBeGreaterThan(1_000_000);
  });

  it('5 and 6: a receiver is open with its ATTACH, a sender with its credit; neither writes a frame of the data plane', async () => {
    await rhea.open();
    const session = await rhea.session();
    let sender: unknown;
    const sending = rhea
      .call(session.createSender({ name: 's', target: { address: '' } }))
      .then((link) => (sender = link));
    const receiving = rhea.call(
      session.createReceiver({ name: 'r', source: { address: '' }, credit_window: 0, autoaccept: false }),
    );
    await turn();
    expect(rhea.frames().slice(2)).toMatchObject([
      { performative: 'attach', name: 's', handle: 0, role: false },
      { performative: 'attach', name: 'r', handle: 1, role: true },
    ]);
    const termini = { source: { kind: 'source' }, target: { kind: 'target' } } as const;
    rhea.tell('attach', { name: 'r', handle: 5, role: false, initialDeliveryCount: 0, ...termini });
    rhea.tell('attach', { name: 's', handle: 6, role: true, ...termini });
    await receiving;
    await turn();
    expect(sender).toBeUndefined();
    rhea.tell('flow', {
      nextIncomingId: 0,
      incomingWindow: 2_048,
      nextOutgoingId: 0,
      outgoingWindow: 2_048,
      handle: 6,
      deliveryCount: 0,
      linkCredit: 1,
    });
    await sending;
    await turn();
    expect(rhea.kinds()).toEqual(['open', 'begin', 'attach', 'attach']);
  });

  it('7: close() of a link writes DETACH alone; DETACH and END of the peer are answered by rhea', async () => {
    await rhea.open();
    const session = await rhea.session();
    const termini = { source: { kind: 'source' }, target: { kind: 'target' } } as const;
    for (const name of ['a', 'b']) {
      const receiving = rhea.call(session.createReceiver({ name, source: { address: '' }, credit_window: 0 }));
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await turn();
      rhea.tell('attach', { name, handle: name === 'a' ? 0 : 1, role: false, initialDeliveryCount: 0, ...termini });
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const link = await receiving;
      if (name === 'a') void rhea.call(link.close({ closeSession: false }));
    }
    await turn();
    expect(rhea.kinds().slice(2)).toEqual(['attach', 'detach', 'attach']);
    rhea.tell('detach', { handle: 0, closed: true });
    rhea.tell('detach', { handle: 1, closed: true });
    await turn();
    rhea.tell('end', {});
    await turn();
    expect(rhea.kinds().slice(5)).toEqual(['detach', 'end']);
    expect(rhea.trouble).toEqual([]);
  });

  it('8: the end of the socket rejects what is pending and leaves no timer', async () => {
    await rhea.open();
    const session = await rhea.session();
    const pending = [
      rhea.call(session.createSender({ name: 's', target: { address: '' } })),
      rhea.call(rhea.connection.createSession()),
    ];
    await turn();
    rhea.socket.disconnect();
    await Promise.all(pending.map((call) => expect(call).rejects.toBeUndefined()));
  });
});

describe('what crosses between the planes', () => {
  /** Everything that rhea writes and is told, while `run` runs. */
  async function watched(run: () => Promise<void>): Promise<{ written: AnyFrame[]; told: AnyFrame[] }> {
    const write = jest.spyOn(RheaSocket.prototype, 'write');
    const deliver = jest.spyOn(RheaSocket.prototype, 'deliver');
    const frames = (calls: [Buffer][]): AnyFrame[] =>
      calls.flatMap(([bytes]) => (bytes.toString('latin1', 0, 4) === 'AMQP' ? [] : [decodeFrame(Buffer.from(bytes))]));
    try {
      await run();
      return { written: frames(write.mock.calls), told: frames(deliver.mock.calls) };
    } finally {
      write.mockRestore();
      deliver.mockRestore();
    }
  }

  it('no message, credit or settlement: rhea writes and hears control frames only', async () => {
    const { written, told } = await watched(async () => {
      const { session, peer, connection } = await bench.session({}, { idleTimeoutMs: 30_000 });
      const sender = await TestSender.attach(session, { name: 'both' });
      const receiver = await TestReceiver.attach(session, { name: 'both' });
      receiver.link.setPrefetch(10);
      const link = peer.connection.links[1];
      await link?.creditAtLeast(10);
      for (let sent = 0; sent < 50; sent += 1) {
        // oxlint-disable-next-line no-await-in-loop -- as credit comes
        await link?.creditAtLeast(1);
        link?.send(data('x'));
        // oxlint-disable-next-line no-await-in-loop -- as it arrives
        const all = await receiver.count(sent + 1);
        all.at(-1)?.delivery.settle({ kind: 'accepted' });
      }
      await Promise.all(Array.from({ length: 200 }, () => sender.post('x').fate));
      peer.connection.write(EMPTY_FRAME);
      link?.detach({ closed: false, error: { kind: 'error', condition: 'amqp:resource-deleted' } });
      await peer.next('detach');
      await sender.link.detach({ closed: false, timeoutMs: 500, error: { condition: 'app:bye', description: 'ours' } });
      await session.end({ timeoutMs: 500 });
      await connection.close({ timeoutMs: 500 });
      expect(peer.seen('detach').map((frame) => [frame.closed ?? false, frame.error?.condition])).toEqual([
        [false, undefined],
        [false, 'app:bye'],
      ]);
      expect(peer.violations).toEqual([]);
    });
    expect(written.map((frame) => frame.performative)).toEqual([
      'open',
      'begin',
      'attach',
      'attach',
      'detach',
      'detach',
      'end',
      'close',
    ]);
    expect(told.map((frame) => frame.performative)).toEqual([
      'open',
      'begin',
      'attach',
      'flow',
      'attach',
      'detach',
      'detach',
      'end',
      'close',
    ]);
    // Names of its own, nothing of the peer's terms or errors.
    const names = told.flatMap((frame) => (frame.performative === 'attach' ? [frame.name] : []));
    expect(new Set(names).size).toBe(2);
    expect(JSON.stringify(told)).not.toMatch(/resource-deleted|orders|idleTimeOut":\d/);
    for (const frame of told) expect(frame).not.toHaveProperty('idleTimeOut');
  });

  it('rhea is told of the end of a link that it detaches, before a session or connection ends without an answer', async () => {
    const { told } = await watched(async () => {
      const { session, peer, connection } = await bench.session({ on: { detach: () => undefined } });
      const sender = await TestSender.attach(session);
      const detached = sender.link.detach({ closed: true, timeoutMs: 2_000 });
      await peer.next('detach');
      peer.connection.session().end();
      await detached;
      await connection.close({ timeoutMs: 500 });
    });
    expect(told.map((frame) => frame.performative)).toEqual([
      'open',
      'begin',
      'attach',
      'flow',
      'detach',
      'end',
      'close',
    ]);
  });

  it('heartbeats are written although rhea has nothing to say', async () => {
    const { written } = await watched(async () => {
      const { peer } = await bench.session({ open: { idleTimeOut: 500 } });
      await peer.next('empty');
    });
    expect(written.map((frame) => frame.performative)).toEqual(['open', 'begin']);
  });

  it('a hundred sessions and links come and go and leave no listener behind', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const { connection, peer } = await bench.session();
    for (let round = 0; round < 4; round += 1) {
      // oxlint-disable-next-line no-await-in-loop -- in rounds
      const sessions = await Promise.all(
        Array.from({ length: 25 }, () => connection.beginSession({ signal: deadline() })),
      );
      // oxlint-disable-next-line no-await-in-loop -- in rounds
      await Promise.all(sessions.map((session, index) => TestSender.attach(session, { name: `${round}-${index}` })));
      // oxlint-disable-next-line no-await-in-loop -- in rounds
      await Promise.all(sessions.map((session) => session.end({ timeoutMs: 1_000 })));
    }
    await eventually('all gone', () => connection.sessionCount === 1);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    expect(peer.violations).toEqual([]);
  });
});
