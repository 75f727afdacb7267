import { describe, expect, it } from '@jest/globals';
import { SessionPool, type SessionWish } from '../../../../lib/client/link/session-pool.js';
import type { ProtocolConnection, ProtocolSession } from '../../../../lib/protocol/index.js';

const signal = new AbortController().signal;

function session(): ProtocolSession {
  return {
    isOpen: true,
    handleMax: 255,
    linkCount: 0,
    attachSender: () => Promise.reject(new Error('not asked for')),
    attachReceiver: () => Promise.reject(new Error('not asked for')),
    attachCoordinator: () => Promise.reject(new Error('not asked for')),
    end: () => Promise.resolve(),
  };
}

/** A peer that answers a BEGIN when it is told to. A session counts from its BEGIN on, as on the wire. */
function peerThatAllows(sessionLimit: number) {
  const begins: { readonly answer: () => void; readonly refuse: (error: Error) => void }[] = [];
  let sessionCount = 0;
  const protocol: ProtocolConnection = {
    peer: {
      containerId: 'peer',
      maxFrameSize: 512,
      channelMax: sessionLimit - 1,
      idleTimeoutMs: undefined,
      properties: {},
      offeredCapabilities: [],
    },
    get sessionCount() {
      return sessionCount;
    },
    sessionLimit,
    beginSession: () =>
      new Promise((resolve, reject) => {
        sessionCount += 1;
        const refuse = (error: Error): void => {
          sessionCount -= 1;
          reject(error);
        };
        begins.push({ answer: () => resolve(session()), refuse });
      }),
    close: () => Promise.resolve(),
    destroy: () => undefined,
  };
  const pool = new SessionPool(protocol, { oneAttachAtATime: false, endTimeoutMs: 100 });
  const attach = (wish: SessionWish, until: AbortSignal = signal) =>
    pool.attach(wish, until, () => Promise.resolve(wish));
  return { begins, attach };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a link that finds no session left while others are begun', () => {
  it('lets everything else go on where a later BEGIN is answered before an earlier one', async () => {
    const { begins, attach } = peerThatAllows(3);
    const first = attach('own');
    const management = attach('alone');
    const waiting = attach('shared');
    begins[1]?.answer();
    await management;
    // Where the wait for the first one is none, this turn never ends.
    await turn();
    begins[0]?.answer();
    await expect(first).resolves.toMatchObject({ link: 'own' });
    await turn();
    begins[2]?.answer();
    await expect(waiting).resolves.toMatchObject({ link: 'shared' });
  });

  it('gets one of its own when it turns out that one is left', async () => {
    const { begins, attach } = peerThatAllows(4);
    const others = [attach('own'), attach('own')];
    const management = attach('alone');
    for (const { answer } of begins) answer();
    await Promise.all(others);
    await turn();
    begins[2]?.answer();
    await expect(management).resolves.toMatchObject({ link: 'alone', place: { isShared: false } });
  });

  it('takes the place of one that was refused', async () => {
    const { begins, attach } = peerThatAllows(1);
    const refused = attach('own');
    const waiting = attach('shared');
    begins[0]?.refuse(new Error('no'));
    await expect(refused).rejects.toThrow('no');
    await turn();
    begins[1]?.answer();
    await expect(waiting).resolves.toMatchObject({ link: 'shared' });
  });

  it('hears at once that nobody waits for it any more', async () => {
    const { attach } = peerThatAllows(1);
    void attach('own');
    const stop = new AbortController();
    const waiting = attach('shared', stop.signal);
    stop.abort(new Error('never mind'));
    await expect(waiting).rejects.toThrow('never mind');
  });

  it('is told so when none is on its way', async () => {
    const { begins, attach } = peerThatAllows(1);
    const first = attach('alone');
    begins[0]?.answer();
    await first;
    await expect(attach('shared')).rejects.toMatchObject({ condition: 'amqp:resource-limit-exceeded' });
  });
});

describe('a link for the replies of a request client', () => {
  it('has a session of its own while channels are plenty, and shares with its kind when they are short', async () => {
    const { begins, attach } = peerThatAllows(4);
    for (let count = 1; count <= 3; count++) {
      const own = attach('requester');
      begins.at(-1)?.answer();
      expect((await own).place.isShared).toBe(false);
    }
    const shared = await attach('requester');
    expect(begins).toHaveLength(3);
    expect(shared.place.isShared).toBe(true);
    const { place } = await attach('requester');
    expect(place.session).not.toBe(shared.place.session);
  });

  it('begins one on the last channels where its kind has none', async () => {
    const { begins, attach } = peerThatAllows(2);
    const other = attach('own');
    begins[0]?.answer();
    await other;
    const requester = attach('requester');
    begins[1]?.answer();
    await expect(requester).resolves.toMatchObject({ place: { isShared: false } });
    await expect(attach('alone')).rejects.toMatchObject({ condition: 'amqp:resource-limit-exceeded' });
  });
});
