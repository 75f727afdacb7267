import { describe, expect, it } from '@jest/globals';
import { decideLink, type LinkDecision, type LinkPolicy } from '../../../lib/client/link/decide-link.js';
import {
  INITIAL_LINK_STATE,
  linkStateName,
  type LinkEvent,
  type LinkFailure,
  type LinkState,
} from '../../../lib/client/link/link-state.js';
import { linkFailure } from '../../../lib/client/connection/refusal.js';
import { LinkDetachedError, LinkError, LinkRedirectError, LinkStolenError } from '../../../lib/protocol/errors.js';

const policy: LinkPolicy = {
  delayMs: (failures) => failures * 100,
  stableAfterMs: 5_000,
  refusedRetryMs: 30_000,
  onRefused: 'retry',
};
const cause = new LinkError('no', 'orders', 'l');
const failed = (kind: LinkFailure, epoch = 1): LinkEvent => ({ type: 'attach-failed', epoch, cause, kind });
const detached = (kind: LinkFailure, at = 0): LinkEvent => ({ type: 'detached', epoch: 1, at, cause, kind });
const attaching = (established = false, failures = 0): Extract<LinkState, { name: 'attaching' }> => ({
  name: 'attaching',
  epoch: 1,
  failures,
  established,
  refused: false,
});
const renewed = (established: boolean): LinkState => ({ ...attaching(established), isAuthorized: true });
const attached: LinkState = { name: 'attached', epoch: 1, failures: 0, attachedAt: 0 };
const waiting = (established = true): LinkState => {
  return { name: 'waiting', epoch: 1, failures: 1, established, refused: false, cause };
};
const unauthorizedError = new LinkError('no', 'orders', 'l', { condition: 'amqp:unauthorized-access' });
const unauthorized: LinkState = {
  name: 'waiting',
  epoch: 1,
  failures: 1,
  established: true,
  refused: true,
  cause: unauthorizedError,
};
const unconnected = (established = false): LinkState => ({ name: 'unconnected', epoch: 1, established });
const effects = ({ effects: list }: LinkDecision): readonly string[] => list.map(({ run }) => run);

describe('a supervised link', () => {
  it.each<[string, LinkState, LinkEvent, string, readonly string[]]>([
    ['refused at first attach: failed', attaching(), failed('refused'), 'failed', ['let-go', 'tell-failed']],
    ['stolen: failed', attached, detached('fatal'), 'failed', ['let-go', 'tell-failed']],
    ['stolen while re-attaching: failed', attaching(true), failed('fatal'), 'failed', ['let-go', 'tell-failed']],
    ['lost at first attach: tries on, tells nobody', attaching(), failed('transient'), 'waiting', ['let-go', 'wait']],
    ['refused later: waits', attaching(true), failed('refused'), 'waiting', ['let-go', 'tell-lost', 'wait']],
    ['detached', attached, detached('transient'), 'waiting', ['let-go', 'tell-lost', 'wait']],
    ['detached as deleted', attached, detached('refused'), 'waiting', ['let-go', 'tell-lost', 'wait']],
    [
      'redirected at first attach: attaches there',
      attaching(),
      failed('redirected'),
      'attaching',
      ['let-go', 'attach'],
    ],
    ['redirected later', attached, detached('redirected'), 'attaching', ['let-go', 'tell-lost', 'attach']],
    ['a new token, refused before for want of one', unauthorized, { type: 'authorized' }, 'attaching', ['attach']],
    ['a new token, waiting for something else', waiting(), { type: 'authorized' }, 'waiting', []],
    [
      'refused for want of a token that has come meanwhile',
      renewed(true),
      { type: 'attach-failed', epoch: 1, cause: unauthorizedError, kind: 'refused' },
      'attaching',
      ['attach'],
    ],
    [
      'refused for another reason while a token has come',
      renewed(false),
      failed('refused'),
      'failed',
      ['let-go', 'tell-failed'],
    ],
    [
      'refused before, and again over a token that is being renewed: stays refused',
      { ...attaching(true), refused: true },
      { type: 'attach-failed', epoch: 1, cause: unauthorizedError, kind: 'transient' },
      'waiting',
      ['let-go', 'tell-lost', 'wait'],
    ],
    ['a new token while attached', attached, { type: 'authorized' }, 'attached', []],
    [
      'connection down while attached',
      attached,
      { type: 'connection-down', cause },
      'unconnected',
      ['let-go', 'tell-lost'],
    ],
    ['connection down while attaching', attaching(), { type: 'connection-down', cause }, 'unconnected', ['let-go']],
    ['connection down while waiting', waiting(), { type: 'connection-down', cause }, 'unconnected', ['let-go']],
    ['connection up', unconnected(), { type: 'connection-up' }, 'attaching', ['attach']],
    ['connection up when nobody wanted it', INITIAL_LINK_STATE, { type: 'connection-up' }, 'idle', []],
    ['wanted, connected', INITIAL_LINK_STATE, { type: 'wanted', connected: true }, 'attaching', ['attach']],
    ['wanted, not connected', INITIAL_LINK_STATE, { type: 'wanted', connected: false }, 'unconnected', ['connect']],
    ['wanted again while unconnected', unconnected(), { type: 'wanted', connected: false }, 'unconnected', ['connect']],
    ['wanted again while attaching', attaching(), { type: 'wanted', connected: true }, 'attaching', []],
    [
      'no connection at boot: may be wanted again',
      unconnected(),
      { type: 'connection-given-up', cause, final: false },
      'idle',
      ['let-go', 'reject-ready'],
    ],
    [
      'no connection any more after a success: failed',
      unconnected(true),
      { type: 'connection-given-up', cause, final: false },
      'failed',
      ['let-go', 'tell-failed'],
    ],
    [
      'connection closed before it was ever wanted: failed',
      INITIAL_LINK_STATE,
      { type: 'connection-given-up', cause, final: true },
      'failed',
      ['let-go', 'tell-failed'],
    ],
    ['attached', attaching(), { type: 'attached', epoch: 1, at: 0 }, 'attached', ['tell-attached']],
    ['delay over', waiting(), { type: 'delay-elapsed', epoch: 1 }, 'attaching', ['attach']],
    ['released while attached', attached, { type: 'released' }, 'closed', ['let-go']],
    ['released while attaching', attaching(), { type: 'released' }, 'closed', ['let-go']],
    ['released while waiting', waiting(), { type: 'released' }, 'closed', ['let-go']],
    ["released at nobody's wish", attached, { type: 'released', failure: cause }, 'failed', ['let-go']],
  ])('%s', (_name, state, event, next, run) => {
    const decision = decideLink(state, event, policy);
    expect(decision.state.name).toBe(next);
    expect(effects(decision)).toEqual(run);
  });

  it('waits refusedRetryMs after a refusal, a growing time after anything else', () => {
    const wait = (state: LinkState, event: LinkEvent): unknown =>
      decideLink(state, event, policy).effects.find(({ run }) => run === 'wait');
    expect(wait(attached, detached('refused'))).toMatchObject({ delayMs: 30_000 });
    expect(wait(attached, detached('transient', 5_000))).toMatchObject({ delayMs: 100 });
    expect(wait(attaching(true, 3), failed('transient'))).toMatchObject({ delayMs: 400 });
  });

  it('does not start afresh after an attach that did not hold', () => {
    const shortLived: LinkState = { name: 'attached', epoch: 1, failures: 4, attachedAt: 0 };
    expect(decideLink(shortLived, detached('transient', 10), policy).state).toMatchObject({ failures: 5 });
    expect(decideLink(shortLived, detached('transient', 5_000), policy).state).toMatchObject({ failures: 0 });
  });

  it('stops at a refusal when onRefused says so', () => {
    expect(decideLink(attached, detached('refused'), { ...policy, onRefused: 'stop' }).state.name).toBe('failed');
  });

  it('ignores every event of another epoch', () => {
    for (const state of [attaching(), attached, waiting()])
      for (const event of [
        failed('fatal', 0),
        { type: 'attached', epoch: 2, at: 0 },
        { type: 'delay-elapsed', epoch: 0 },
      ] as const)
        expect(decideLink(state, event, policy)).toEqual({ state, effects: [] });
  });

  it('never leaves failed or closed, but to be closed', () => {
    const events: readonly LinkEvent[] = [
      { type: 'wanted', connected: true },
      { type: 'connection-up' },
      { type: 'connection-down', cause },
      { type: 'connection-given-up', cause, final: true },
      { type: 'attached', epoch: 1, at: 0 },
      failed('transient'),
      detached('transient'),
      { type: 'delay-elapsed', epoch: 1 },
      { type: 'released', failure: cause },
    ];
    for (const state of [
      { name: 'failed', epoch: 1, cause },
      { name: 'closed', epoch: 1 },
    ] as const) {
      for (const event of events) expect(decideLink(state, event, policy)).toEqual({ state, effects: [] });
      expect(decideLink(state, { type: 'released' }, policy)).toEqual({
        state: { name: 'closed', epoch: 1 },
        effects: [],
      });
    }
  });

  it.each<[LinkState, string]>([
    [unconnected(false), 'attaching'],
    [unconnected(true), 'lost'],
    [attaching(true), 'lost'],
    [{ name: 'waiting', epoch: 1, failures: 1, established: true, refused: true, cause }, 'refused'],
    [{ name: 'attaching', epoch: 1, failures: 1, established: true, refused: true }, 'refused'],
    [attached, 'attached'],
  ])('shows %j as %j', (state, name) => {
    expect(linkStateName(state)).toBe(name);
  });
});

describe('an ended link', () => {
  it.each<[string, Error, LinkFailure]>([
    ['stolen', new LinkStolenError('s', 'a', 'l'), 'fatal'],
    [
      'detached with the condition stolen',
      new LinkDetachedError('s', 'a', 'l', { condition: 'amqp:link:stolen' }),
      'fatal',
    ],
    ['redirected', new LinkRedirectError('r', 'a', 'l', {}), 'refused'],
    ['not found', new LinkError('n', 'a', 'l', { condition: 'amqp:not-found' }), 'refused'],
    ['unauthorized', new LinkError('n', 'a', 'l', { condition: 'amqp:unauthorized-access' }), 'refused'],
    ['deleted', new LinkDetachedError('d', 'a', 'l', { condition: 'amqp:resource-deleted' }), 'refused'],
    ['not retryable', new LinkError('n', 'a', 'l', { retryable: false }), 'refused'],
    ['locked by another connection', new LinkError('n', 'a', 'l', { condition: 'amqp:resource-locked' }), 'transient'],
    ['an error of the peer', new LinkDetachedError('d', 'a', 'l', { condition: 'amqp:internal-error' }), 'transient'],
    ['detached without an error', new LinkDetachedError('d', 'a', 'l'), 'transient'],
  ])('%s', (_name, error, kind) => {
    expect(linkFailure(error as LinkError)).toBe(kind);
  });
});
