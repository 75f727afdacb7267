import { describe, expect, it } from '@jest/globals';
import {
  AmqpConnection,
  createMessage,
  type ObservedMessage,
  type ReceivedMessage,
  SendError,
} from '../../../lib/client/index.js';
import { Activity } from '../../../lib/dashboard/activity/activity.js';
import { ConnectionActivity } from '../../../lib/dashboard/activity/connection-activity.js';

const message = createMessage({ body: 'hush' });
const named = { kind: 'named' } as const;
const temporary = { kind: 'temporary' } as const;
const outcome = { kind: 'rejected', condition: 'app:no' } as const;

/** A clock by hand, and a connection that is never opened: the events come from the test. */
function make(maxAddresses = 100): { observer: ConnectionActivity; activity: Activity; pass: (ms: number) => void } {
  let now = 0;
  const activity = new Activity(maxAddresses, 50, () => now, 1_000_000);
  const connection = new AmqpConnection('amqp://127.0.0.1:1');
  const observer = new ConnectionActivity('default', connection, activity);
  return { observer, activity, pass: (ms) => void (now += ms) };
}

function arrival(address: string, consumer?: string): ObservedMessage {
  // Each delivery is a message of its own; nobody looks into it.
  return { address, node: named, consumer, message: { ...message } as ReceivedMessage };
}

describe('what one connection tells', () => {
  it('is counted in a fixed number of rows, however many addresses and names there are', () => {
    const { observer, activity } = make(50);
    const total = 100_000;
    const error = new SendError('rejected', 'no', { address: 'x', delivered: 'no', attempts: 1 });
    for (let index = 0; index < total; index += 1) {
      const address = `queue-${index}-${'x'.repeat(index % 500)}`;
      const { token } = observer.onSend({ address, node: named, message });
      observer.onSent(
        token,
        index % 2 === 0 ? { ok: true, messageId: '1', routed: true, attempts: 1 } : { ok: false, error, attempts: 1 },
      );
      const event = arrival(address, index % 3 === 0 ? `Consumer${index}.run` : undefined);
      observer.onHandled(observer.onDelivery(event), new Error(`error ${index}`));
      observer.onDecision({ ...event, error, decision: { kind: 'settle', outcome } });
      observer.onSettle({ ...event, outcome });
    }
    const rows = [observer.consumers.rows(), observer.nameless.rows()];
    expect([...rows, observer.senders.rows()].map((table) => table.length)).toEqual([51, 51, 51]);
    const handled = rows.flat().reduce((sum, [, { ended }]) => sum + ended, 0);
    const sent = observer.senders.rows().reduce((sum, [, row]) => sum + row.sent, 0);
    const failed = observer.senders.rows().reduce((sum, [, row]) => sum + (row.failed.get('rejected') ?? 0), 0);
    expect([handled, sent, failed]).toEqual([total, total / 2, total / 2]);
    expect(activity.failures.all()).toHaveLength(50);
    expect(JSON.stringify(observer.senderSnapshots(0)).length).toBeLessThan(51 * 1_000);
    for (const [, row] of rows.flat()) expect(JSON.stringify(row.snapshot('x', 'y', 0)).length).toBeLessThan(3_000);
  });

  it('has one row for all addresses that peers make up', () => {
    const { observer } = make(2);
    for (let index = 0; index < 10; index += 1)
      observer.onSend({ address: `reply-${index}`, node: temporary, message });
    observer.onSend({ address: 'orders', node: named, message });
    expect(observer.senders.rows().map(([key, { pending }]) => [key, pending])).toEqual([
      ['(temporary)', 10],
      ['orders', 1],
    ]);
  });

  it('has one row for all that is received from addresses that peers make up, unless its consumer has a name', () => {
    const { observer } = make(2);
    for (let index = 0; index < 10; index += 1) {
      const event = { ...arrival(`reply-${index}`), node: temporary };
      observer.onHandled(observer.onDelivery(event));
      observer.onSettle({ ...event, outcome });
      observer.onReceive({ address: event.address, node: temporary, messages: [event.message], startedAt: 0 });
      observer.onHandled(observer.onDelivery({ ...event, consumer: 'A.a' }));
    }
    observer.onHandled(observer.onDelivery(arrival('orders')));
    const rows = [...observer.nameless.rows(), ...observer.consumers.rows()].map(([key, row]) => {
      const { addresses, handled, fetched, outcomes } = row.snapshot(key, 'default', 0);
      return [key, addresses.slice(0, 1), handled, fetched, outcomes.rejected];
    });
    expect(rows).toEqual([
      ['(temporary)', [], 10, 10, 10],
      ['orders', ['orders'], 1, 0, 0],
      ['A.a', ['reply-0'], 10, 0, 0],
    ]);
  });

  it('keeps a consumer apart from another on the same address, and from one without a name', () => {
    const { observer } = make();
    for (const consumer of ['A.a', 'B.b', undefined])
      observer.onHandled(observer.onDelivery(arrival('orders', consumer)));
    expect(observer.consumers.rows().map(([key, { ended }]) => [key, ended])).toEqual([
      ['A.a', 1],
      ['B.b', 1],
    ]);
    expect(observer.nameless.rows().map(([key, { ended }]) => [key, ended])).toEqual([['orders', 1]]);
  });

  it('has the time of each call, but not of what no handler was called with', () => {
    const { observer, pass } = make();
    const call = observer.onDelivery(arrival('orders', 'A.a'));
    pass(100);
    observer.onHandled(call);
    const unreadable = { ...arrival('orders', 'A.a'), failure: { error: new Error('unreadable') } };
    observer.onHandled(observer.onDelivery(unreadable), unreadable.failure.error);
    const row = observer.consumers.of('A.a').snapshot('A.a', 'default', 100);
    expect(row.durations?.p50Ms).toBeGreaterThan(50);
    expect([row.handled, row.failed, row.running]).toEqual([2, 1, 0]);
  });

  it('says of a failure what the policy decided, once it has; what it never hears of stays without', () => {
    const { observer, activity } = make();
    const error = Object.assign(new TypeError('with a body in it'), { code: 'x' });
    const first = arrival('orders', 'A.a');
    observer.onHandled(observer.onDelivery(first), error);
    const decisions = (): string[] => activity.failures.all().map(({ decision }) => decision);
    expect(decisions()).toEqual(['none']);
    observer.onDecision({ ...first, error, decision: { kind: 'retry', delayMs: 20 } });
    observer.onHandled(observer.onDelivery(first), error);
    observer.onDecision({ ...first, error, decision: { kind: 'dead-letter', target: { queue: 'parked' } } });
    observer.onHandled(observer.onDelivery(arrival('orders', 'A.a')), error);
    expect(decisions()).toEqual(['none', 'dead letter to parked', 'retry in 20 ms']);
    expect(JSON.stringify(activity.failures.all())).not.toContain('body');
    expect(activity.failures.all()[0]?.error).toEqual({ name: 'TypeError', code: 'x', at: 1_000_000 });
  });

  it('counts what was fetched, and every outcome', () => {
    const { observer } = make();
    const fetched = arrival('orders');
    observer.onReceive({ address: 'orders', node: named, messages: [fetched.message, fetched.message], startedAt: 0 });
    observer.onReceive({ address: 'nothing', node: named, messages: [], startedAt: 0 });
    observer.onSettle({ ...fetched, outcome: { kind: 'released' } });
    const [row] = observer.nameless.rows();
    expect(observer.nameless.rows()).toHaveLength(1);
    expect(row?.[1].snapshot('orders', 'default', 0)).toMatchObject({
      fetched: 2,
      handled: 0,
      outcomes: { accepted: 0, rejected: 0, released: 1, modified: 0 },
    });
  });

  it('counts a reconnect only after it was connected', () => {
    const { observer } = make();
    const statuses = ['connecting', 'disconnected', 'connecting', 'connected', 'blocked', 'connected'] as const;
    for (const status of statuses) observer.onStatus({ status });
    expect(observer.snapshot().reconnects).toBe(0);
    for (const status of ['disconnected', 'connecting', 'connecting', 'connected', 'connected'] as const)
      observer.onStatus({ status });
    expect(observer.snapshot().reconnects).toBe(1);
  });
});
