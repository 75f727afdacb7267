import { describe, expect, it } from '@jest/globals';
import {
  decideToken,
  INITIAL_TOKEN_STATE,
  type TokenEvent,
  type TokenPolicy,
  type TokenState,
} from '../../../../lib/client/authentication/token-state.js';
import { AmqpError } from '../../../../lib/protocol/index.js';

const DAY = 86_400_000;
const cause = new AmqpError('authentication', 'no');
const policyOf = (changes: Partial<TokenPolicy> = {}): TokenPolicy => ({
  refreshBeforeMs: 0,
  isRenewable: true,
  doubtMs: 30_000,
  delayMs: (failures) => 1_000 * 2 ** (failures - 1),
  ...changes,
});

/** The state after these events. */
const after = (events: readonly TokenEvent[], policy = policyOf()): TokenState =>
  events.reduce<TokenState>((state, event) => decideToken(state, event, policy).state, INITIAL_TOKEN_STATE);

const goodUntil = (expiresAt: number, policy = policyOf(), at = 0): TokenState =>
  after([{ type: 'started' }, { type: 'put', epoch: 1, at, expiresAt }], policy);

describe('the end of a token', () => {
  it('is not taken for its refusal: a failure before it leads to another try, within half of what is left', () => {
    const policy = policyOf({ delayMs: () => 60_000 });
    const renewing = decideToken(goodUntil(10_000), { type: 'woken', at: 9_000 }, policy).state;
    const failed = decideToken(renewing, { type: 'failed', epoch: 2, at: 9_200, cause }, policy);
    expect(failed.state).toMatchObject({ name: 'waiting', failures: 1, retryAt: 9_600 });
    expect(failed.effects).toEqual([
      { run: 'wake', at: 9_600 },
      { run: 'tell-failed', cause, retryAt: 9_600 },
    ]);
  });

  it.each<[string, TokenEvent[]]>([
    ['while nothing was tried', []],
    ['while a token is put', [{ type: 'woken', at: 9_000 }]],
    [
      'between two tries',
      [
        { type: 'woken', at: 9_000 },
        { type: 'failed', epoch: 2, at: 9_900, cause },
      ],
    ],
  ])('ends everything %s', (_name, events) => {
    const policy = policyOf();
    const state = events.reduce<TokenState>((now, event) => decideToken(now, event, policy).state, goodUntil(10_000));
    const decision = decideToken(state, { type: 'woken', at: 10_000 }, policy);
    expect(decision.state).toMatchObject({ name: 'over', why: 'expired' });
    expect(decision.effects.map(({ run }) => run)).toEqual(['abandon', 'sleep', 'give-up']);
  });

  it('that comes with a failure is the end', () => {
    const renewing = decideToken(goodUntil(10_000), { type: 'woken', at: 9_000 }, policyOf()).state;
    const decision = decideToken(renewing, { type: 'failed', epoch: 2, at: 10_001, cause }, policyOf());
    expect(decision.effects).toContainEqual({ run: 'give-up', why: 'expired', cause });
  });

  it('is waited for to the last moment where no other token is to be had', () => {
    const policy = policyOf({ isRenewable: false });
    const state = goodUntil(10_000, policy);
    expect(decideToken(state, { type: 'woken', at: 9_999 }, policy)).toEqual({
      state,
      effects: [{ run: 'wake', at: 10_000 }],
    });
  });
});

describe('a renewal', () => {
  it.each([
    [10_000, 0, 9_000],
    [10_000, 500, 9_000],
    [10_000, 3_000, 7_000],
    // More than the whole life: a tenth of it passes all the same.
    [10_000, 20_000, 1_000],
    // Total time, not what is left of it beside whole days.
    [DAY, 0, 0.9 * DAY],
    [3 * DAY + 1_000, 0, 0.9 * (3 * DAY + 1_000)],
    [400 * DAY, 3_600_000, 360 * DAY],
    // Hardly any life: not without pause.
    [20, 0, 50],
  ])(
    'of a token that lives %d ms, with refreshBeforeMs %d, begins at %d ms',
    (expiresAt, refreshBeforeMs, refreshAt) => {
      expect(goodUntil(expiresAt, policyOf({ refreshBeforeMs }))).toMatchObject({
        name: 'good',
        life: { putAt: 0, refreshAt, expiresAt },
      });
    },
  );

  it('is timed anew from each token, not from the first one', () => {
    const events: TokenEvent[] = [
      { type: 'started' },
      { type: 'put', epoch: 1, at: 0, expiresAt: 10_000 },
      { type: 'woken', at: 9_000 },
      { type: 'put', epoch: 2, at: 9_100, expiresAt: 109_100 },
    ];
    expect(after(events)).toMatchObject({ name: 'good', life: { putAt: 9_100, refreshAt: 99_100 } });
  });

  it('that a timer announces too early is waited for', () => {
    const state = goodUntil(10_000);
    expect(decideToken(state, { type: 'woken', at: 5_000 }, policyOf())).toEqual({
      state,
      effects: [{ run: 'wake', at: 9_000 }],
    });
  });

  it('watches the end of the token in use', () => {
    const { effects } = decideToken(goodUntil(10_000), { type: 'woken', at: 9_000 }, policyOf());
    expect(effects).toEqual([
      { run: 'wake', at: 10_000 },
      { run: 'put', epoch: 2 },
    ]);
  });

  it('forgets the failures before it when it succeeds', () => {
    const events: TokenEvent[] = [
      { type: 'started' },
      { type: 'put', epoch: 1, at: 0, expiresAt: 100_000 },
      { type: 'woken', at: 90_000 },
      { type: 'failed', epoch: 2, at: 90_000, cause },
      { type: 'woken', at: 91_000 },
      { type: 'failed', epoch: 3, at: 91_000, cause },
      { type: 'woken', at: 93_000 },
    ];
    expect(after(events)).toMatchObject({ name: 'putting', failures: 2 });
    const renewed: TokenEvent = { type: 'put', epoch: 4, at: 93_000, expiresAt: 200_000 };
    const again = after([...events, renewed, { type: 'woken', at: 199_000 }]);
    expect(again).toMatchObject({ name: 'putting', failures: 0, cause: undefined });
  });

  it.each([
    ['at once', 29_999, 'good'],
    ['after a while', 30_000, 'putting'],
  ])('of a token in doubt that was put %s', (_name, at, name) => {
    const decision = decideToken(goodUntil(DAY), { type: 'doubted', at }, policyOf());
    expect(decision.state.name).toBe(name);
    if (name === 'putting') expect(decision.effects[0]).toEqual({ run: 'forget' });
  });

  it.each([
    ['is renewed, however lately it was put', 9_000, 'putting', ['forget', 'wake', 'put']],
    ['is over', 10_000, 'over', ['abandon', 'sleep', 'give-up']],
  ])('of a token in doubt whose time has come, before its timer says so, %s', (_name, at, name, run) => {
    const decision = decideToken(goodUntil(10_000), { type: 'doubted', at }, policyOf());
    expect(decision.state.name).toBe(name);
    expect(decision.effects.map((effect) => effect.run)).toEqual(run);
  });
});

describe('the first token', () => {
  it('is not tried again here when it is refused: the next attempt to connect does', () => {
    const decision = decideToken(after([{ type: 'started' }]), { type: 'failed', epoch: 1, at: 0, cause }, policyOf());
    expect(decision.state).toMatchObject({ name: 'over', why: 'refused' });
    expect(decision.effects).toContainEqual({ run: 'give-up', why: 'refused', cause });
  });
});

describe('what is over', () => {
  const EVENTS: readonly TokenEvent[] = [
    { type: 'started' },
    { type: 'put', epoch: 1, at: 1, expiresAt: DAY },
    { type: 'failed', epoch: 1, at: 1, cause },
    { type: 'woken', at: 2 * DAY },
    { type: 'doubted', at: DAY },
    { type: 'stopped' },
  ];

  it('stays so', () => {
    const over = after([{ type: 'started' }, { type: 'stopped' }]);
    for (const event of EVENTS) expect(decideToken(over, event, policyOf())).toEqual({ state: over, effects: [] });
  });

  it('of an abandoned round is ignored, whatever it still says', () => {
    const renewing = decideToken(goodUntil(10_000), { type: 'woken', at: 9_000 }, policyOf()).state;
    for (const event of [EVENTS[1], EVENTS[2]])
      expect(event && decideToken(renewing, event, policyOf())).toEqual({ state: renewing, effects: [] });
  });

  it('never puts two tokens at once: from whatever order of events, a round begins only when none is under way', () => {
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let run = 0; run < 500; run++) {
      let state: TokenState = INITIAL_TOKEN_STATE;
      let at = 0;
      let underWay: number | undefined;
      for (let step = 0; step < 30; step++) {
        at += random(4_000);
        const epoch = Math.max(0, state.epoch - random(2));
        const events: readonly TokenEvent[] = [
          { type: 'started' },
          { type: 'put', epoch, at, expiresAt: at + 1 + random(20_000) },
          { type: 'failed', epoch, at, cause },
          { type: 'woken', at },
          { type: 'doubted', at },
        ];
        const event: TokenEvent = events[random(events.length)] ?? { type: 'started' };
        const decision = decideToken(state, event, policyOf({ doubtMs: 500 }));
        if ('epoch' in event && event.epoch === underWay) underWay = undefined;
        for (const effect of decision.effects) {
          if (effect.run === 'abandon') underWay = undefined;
          if (effect.run !== 'put') continue;
          expect(underWay).toBeUndefined();
          underWay = effect.epoch;
        }
        ({ state } = decision);
      }
    }
  });
});
