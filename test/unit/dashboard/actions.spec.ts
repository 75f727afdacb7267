import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';

import {
  type AmqpConnection,
  AmqpError,
  ClientClosedError,
  LinkError,
  type Subscription,
  TopologyError,
} from '../../../lib/client/index.js';
import type { AmqpDashboard } from '../../../lib/dashboard/index.js';
import { DashboardActions } from '../../../lib/dashboard/http/actions.js';

beforeEach(() => {
  jest.useFakeTimers();
  Logger.overrideLogger(false);
});
afterEach(() => {
  jest.useRealTimers();
});

/** Of an application with one consumer, `A.a`, and one connection, `default`. */
function actionsOn(parts: { consumer?: object; connection?: object }): DashboardActions {
  const dashboard = {
    consumer: (name: string) => (name === 'A.a' ? (parts.consumer as Subscription) : undefined),
    connection: (name: string) => (name === 'default' ? (parts.connection as AmqpConnection) : undefined),
  };
  return new DashboardActions(dashboard as AmqpDashboard); // all that an action asks for
}

describe('an action', () => {
  it.each<[string, Error, number, string]>([
    ['what is not there', new TopologyError('not-found', 'no such queue'), 404, 'not-found'],
    ['what the peer cannot do', new TopologyError('unsupported', 'not here'), 501, 'unsupported'],
    ['a connection that is closed', new ClientClosedError('closed'), 409, 'client-closed'],
    ['what the peer refuses', new LinkError('refused', 'a', 'l'), 502, 'attach-refused'],
    ['any other failure of ours', new AmqpError('odd', 'odd'), 502, 'odd'],
  ])('answers %s with its code', async (_what, error, status, code) => {
    const connection = { topology: { inspect: () => Promise.reject(error) } };
    const answer = await actionsOn({ connection }).run('inspect', { connection: 'default', queue: 'a' });
    expect(answer).toEqual({ status, body: { ok: false, error: { code, message: error.message } } });
  });

  it('does not tell what a failure of somebody else says', async () => {
    const connection = { topology: { inspect: () => Promise.reject(new Error('hush')) } };
    const { status, body } = await actionsOn({ connection }).run('inspect', { connection: 'default', queue: 'a' });
    expect([status, JSON.stringify(body).includes('hush')]).toEqual([500, false]);
  });

  it('is answered after thirty seconds, and goes on', async () => {
    let end = (): void => undefined;
    const consumer = { state: 'paused', pause: () => new Promise<void>((resolve) => (end = resolve)) };
    const answer = actionsOn({ consumer }).run('pause', { consumer: 'A.a' });
    await jest.advanceTimersByTimeAsync(30_000);
    expect(await answer).toEqual({ status: 202, body: { ok: true, done: false } });
    end();
  });

  it('is in the log when it fails after that', async () => {
    const warned: unknown[] = [];
    Logger.overrideLogger({ log: () => undefined, error: () => undefined, warn: (line: unknown) => warned.push(line) });
    let fail = (_error: Error): void => undefined;
    const connection = { redrive: () => new Promise<number>((_resolve, reject) => (fail = reject)) };
    const actions = actionsOn({ connection });
    const redrive = (): Promise<{ status: number }> => actions.run('redrive', { connection: 'default', from: 'dead' });
    const answer = redrive();
    await jest.advanceTimersByTimeAsync(30_000);
    expect([(await answer).status, (await redrive()).status, warned]).toEqual([202, 409, []]);
    fail(new LinkError('refused', 'dead', 'l'));
    await jest.advanceTimersByTimeAsync(0);
    expect(warned).toEqual([`redrive by the dashboard failed: ${new LinkError('refused', 'dead', 'l').message}`]);
  });

  it('leaves no timer behind when it ends in time', async () => {
    const consumer = { state: 'paused', pause: () => Promise.resolve() };
    await actionsOn({ consumer }).run('pause', { consumer: 'A.a' });
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([
    ['no object', undefined],
    ['a list', []],
    ['null', null],
    ['text', 'consumer=A.a'],
    ['a name that is no text', { consumer: ['A.a'] }],
    ['a name that is too long', { consumer: 'A'.repeat(501) }],
  ])('is refused with %s', async (_what, body) => {
    expect((await actionsOn({}).run('pause', body)).status).toBe(400);
  });
});

describe('moving dead letters back', () => {
  it('happens once at a time for each source, and again when it is done', async () => {
    const asked: unknown[] = [];
    const ends: ((moved: number) => void)[] = [];
    const connection = {
      redrive: (options: unknown) => {
        asked.push(options);
        return new Promise<number>((resolve) => ends.push(resolve));
      },
    };
    const actions = actionsOn({ connection });
    const redrive = (from: string): Promise<{ status: number }> =>
      actions.run('redrive', { connection: 'default', from, to: '' });
    const first = redrive('dead');
    expect((await redrive('dead')).status).toBe(409);
    const other = redrive('other');
    for (const end of ends) end(3);
    expect(await first).toEqual({ status: 200, body: { ok: true, done: true, moved: 3 } });
    await other;
    const again = redrive('dead');
    ends.at(-1)?.(0);
    expect((await again).status).toBe(200);
    expect(asked).toEqual([
      { from: 'dead', max: 100 },
      { from: 'other', max: 100 },
      { from: 'dead', max: 100 },
    ]);
  });

  it.each([0, -1, 1.5, 10_001, '5', null])('refuses %j as the most', async (max) => {
    const answer = await actionsOn({ connection: {} }).run('redrive', { connection: 'default', from: 'dead', max });
    expect(answer.status).toBe(400);
  });
});
