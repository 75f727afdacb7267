import { describe, expect, it } from '@jest/globals';
import {
  decideConnection,
  INITIAL_CONNECTION_STATE,
  statusOf,
  type ConnectionDecision,
  type ConnectionEvent,
  type ConnectionPolicy,
  type ConnectionState,
} from '../../../lib/client/connection-state.js';
import { backoffMs, resolveReconnect } from '../../../lib/client/options/reconnect-policy.js';
import { ConnectionError } from '../../../lib/protocol/errors.js';

const policy: ConnectionPolicy = {
  delayMs: (failures) => failures * 100,
  maxAttempts: 3,
  stableAfterMs: 5_000,
  refusedRetryMs: 30_000,
  onRefused: 'retry',
};
const cause = new ConnectionError('connection-lost', 'reset');
const lost = (epoch: number, refused = false, at = 0): ConnectionEvent => ({ type: 'lost', epoch, at, cause, refused });
const elsewhere: ConnectionEvent = { type: 'lost', epoch: 1, at: 0, cause, refused: false, redirected: true };
const opening = (established = false, failures = 0): ConnectionState => ({
  name: 'opening',
  epoch: 1,
  failures,
  established,
});
const open = (failures = 0): ConnectionState => ({ name: 'open', epoch: 1, failures, openedAt: 0 });
const waiting = (established = false): ConnectionState => ({
  name: 'waiting',
  epoch: 1,
  failures: 1,
  established,
  cause,
});
const effects = ({ effects: list }: ConnectionDecision): readonly string[] => list.map(({ run }) => run);
const decide = (state: ConnectionState, event: ConnectionEvent, changes: Partial<ConnectionPolicy> = {}) =>
  decideConnection(state, event, { ...policy, ...changes });

describe('a connection', () => {
  it.each<[string, ConnectionState, ConnectionEvent, string, readonly string[]]>([
    ['opening, refused at boot: given up at once', opening(), lost(1, true), 'idle', ['abandon', 'give-up']],
    ['opening, the last attempt failed: given up', opening(false, 2), lost(1), 'idle', ['abandon', 'give-up']],
    ['opening, boot given up', opening(), { type: 'boot-given-up', cause }, 'idle', ['abandon', 'give-up']],
    ['waiting, boot given up', waiting(), { type: 'boot-given-up', cause }, 'idle', ['abandon', 'give-up']],
    ['waiting after a success, boot given up: goes on', waiting(true), { type: 'boot-given-up', cause }, 'waiting', []],
    ['open, lost', open(), lost(1), 'waiting', ['links-down', 'wait']],
    ['open, refused', open(), lost(1, true), 'waiting', ['links-down', 'wait']],
    ['opening after a success, refused: waits', opening(true), lost(1, true), 'waiting', ['wait']],
    ['open, redirected: dials at once', open(), elsewhere, 'opening', ['links-down', 'dial']],
    ['opening, redirected: dials at once', opening(false, 2), elsewhere, 'opening', ['dial']],
    ['waiting, redirected: too late', waiting(), elsewhere, 'waiting', []],
    ['opening, lost', opening(), lost(1), 'waiting', ['wait']],
    ['idle, open requested', INITIAL_CONNECTION_STATE, { type: 'open-requested' }, 'opening', ['dial']],
    ['opening, open requested again', opening(), { type: 'open-requested' }, 'opening', []],
    ['opening, opened', opening(), { type: 'opened', epoch: 1, at: 0 }, 'open', ['links-up']],
    ['waiting, delay over', waiting(), { type: 'delay-elapsed', epoch: 1 }, 'opening', ['dial']],
    ['opening, close requested', opening(), { type: 'close-requested' }, 'closing', ['hang-up']],
    ['waiting, close requested', waiting(), { type: 'close-requested' }, 'closing', ['hang-up']],
    ['open, close requested', open(), { type: 'close-requested' }, 'closing', ['hang-up']],
    ['idle, close requested', INITIAL_CONNECTION_STATE, { type: 'close-requested' }, 'closing', ['hang-up']],
    ['closing, closed', { name: 'closing', epoch: 2 }, { type: 'closed' }, 'closed', []],
  ])('%s', (_name, state, event, next, run) => {
    const decision = decide(state, event);
    expect(decision.state.name).toBe(next);
    expect(effects(decision)).toEqual(run);
  });

  it('waits refusedRetryMs after a refusal, and longer with each other failure', () => {
    expect(decide(open(), lost(1, true)).effects).toContainEqual({
      run: 'wait',
      epoch: 1,
      delayMs: 30_000,
      refused: true,
    });
    expect(decide(opening(true, 1), lost(1), { maxAttempts: 9 }).effects).toContainEqual({
      run: 'wait',
      epoch: 1,
      delayMs: 200,
      refused: false,
    });
  });

  it('stops at a refusal when onRefused says so', () => {
    const decision = decide(open(), lost(1, true), { onRefused: 'stop' });
    expect(decision.state).toMatchObject({ name: 'idle', cause });
    expect(effects(decision)).toEqual(['links-down', 'abandon', 'give-up']);
  });

  it('counts a connection that did not hold as a failure: accept-then-close is not dialled without pause', () => {
    let state = opening();
    const delays: unknown[] = [];
    for (let at = 0; at < 3; at++) {
      const { epoch } = state;
      state = decide(state, { type: 'opened', epoch, at }, { maxAttempts: 99 }).state;
      const decision = decide(state, lost(epoch, false, at + 1), { maxAttempts: 99 });
      delays.push(decision.effects.find(({ run }) => run === 'wait'));
      state = decide(decision.state, { type: 'delay-elapsed', epoch }).state;
    }
    expect(delays).toMatchObject([{ delayMs: 100 }, { delayMs: 200 }, { delayMs: 300 }]);
  });

  it('starts with the first delay again after stableAfterMs', () => {
    const decision = decide(open(2), lost(1, false, 5_000));
    expect(decision.state).toMatchObject({ name: 'waiting', failures: 0 });
    expect(decision.effects).toContainEqual({ run: 'wait', epoch: 1, delayMs: 100, refused: false });
  });

  it('never tries again without reconnecting', () => {
    expect(decide(open(), lost(1, false, 9_999), { maxAttempts: 0 }).state.name).toBe('idle');
    expect(decide(opening(), lost(1), { maxAttempts: 0 }).state.name).toBe('idle');
  });

  it('may be opened again after it was given up, with a new epoch', () => {
    const { state } = decide(opening(), lost(1, true));
    const again = decide(state, { type: 'open-requested' }).state;
    expect(again).toMatchObject({ name: 'opening', failures: 0, established: false });
    expect(again.epoch).toBeGreaterThan(state.epoch);
  });

  it('ignores every event of another epoch', () => {
    const stale: readonly ConnectionEvent[] = [0, 2].flatMap((epoch) => [
      lost(epoch),
      { type: 'opened', epoch, at: 0 },
      { type: 'delay-elapsed', epoch },
    ]);
    for (const state of [opening(), open(), waiting()])
      for (const event of stale) expect(decide(state, event)).toEqual({ state, effects: [] });
  });

  it('never leaves closed', () => {
    const closed: ConnectionState = { name: 'closed', epoch: 1 };
    const events: readonly ConnectionEvent[] = [
      { type: 'open-requested' },
      { type: 'opened', epoch: 1, at: 0 },
      lost(1),
      { type: 'delay-elapsed', epoch: 1 },
      { type: 'boot-given-up', cause },
      { type: 'close-requested' },
      { type: 'closed' },
    ];
    for (const event of events) expect(decide(closed, event)).toEqual({ state: closed, effects: [] });
  });

  it('is never dialled twice for one epoch, whatever happens in whatever order', () => {
    // A walk over a small generator: every failure prints its seed by the message of expect.
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    let state: ConnectionState = INITIAL_CONNECTION_STATE;
    const dialled = new Set<number>();
    for (let step = 0; step < 5_000; step++) {
      const epoch = state.epoch - random(2);
      const events: readonly ConnectionEvent[] = [
        { type: 'open-requested' },
        { type: 'opened', epoch, at: step },
        lost(epoch, random(2) === 0, step),
        { type: 'delay-elapsed', epoch },
        { type: 'boot-given-up', cause },
      ];
      const event = events[random(events.length)] ?? { type: 'open-requested' };
      const decision = decide(state, event);
      for (const effect of decision.effects)
        if (effect.run === 'dial') {
          expect([seed, dialled.has(effect.epoch)]).toEqual([seed, false]);
          dialled.add(effect.epoch);
        }
      state = decision.state;
    }
    expect(dialled.size).toBeGreaterThan(100);
  });
});

describe('the status that a user sees', () => {
  it.each<[ConnectionState, boolean, string | undefined]>([
    [INITIAL_CONNECTION_STATE, false, 'disconnected'],
    [opening(), false, 'connecting'],
    [open(), false, 'connected'],
    [open(), true, 'blocked'],
    [waiting(), true, 'disconnected'],
    [{ name: 'closing', epoch: 1 }, false, undefined],
    [{ name: 'closed', epoch: 1 }, false, 'closed'],
  ])('of %j (blocked: %j) is %j', (state, blocked, status) => {
    expect(statusOf(state, blocked)).toBe(status);
  });
});

describe('the back-off', () => {
  const reconnect = resolveReconnect(undefined, 'reconnect');

  it('has full jitter under a bound that doubles up to maxDelayMs', () => {
    const bounds = [1, 2, 3, 7, 8, 1_000].map((failures) => backoffMs(reconnect, failures, 0.999_999));
    expect(bounds).toEqual([100, 200, 400, 6_400, 10_000, 10_000]);
    expect(backoffMs(reconnect, 3, 0.5)).toBe(200);
  });

  it('grows by steps where they are given, and is exact without jitter', () => {
    const steps = resolveReconnect(
      { initialDelayMs: 2_000, stepMs: 2_000, maxDelayMs: 30_000, jitter: false },
      'reconnect',
    );
    const delays = [1, 2, 3, 15, 16, 1_000].map((failures) => backoffMs(steps, failures, 0.5));
    expect(delays).toEqual([2_000, 4_000, 6_000, 30_000, 30_000, 30_000]);
    const jittered = resolveReconnect({ initialDelayMs: 1_000, stepMs: 0, maxDelayMs: 30_000 }, 'reconnect');
    expect(backoffMs(jittered, 9, 0.25)).toBe(250);
  });

  it('is never without a pause', () => {
    expect(backoffMs(reconnect, 1, 0)).toBe(1);
  });
});
