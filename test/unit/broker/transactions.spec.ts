import { describe, expect, it } from '@jest/globals';
import type { Routed } from '../../../lib/broker/nodes/router.js';
import { Transactions } from '../../../lib/broker/transaction/transactions.js';
import { ACCEPTED } from '../../../lib/protocol/acceptor/index.js';
import { FakeConsumer } from './support/fake-consumer.js';
import { bodies, content, FakeBroker } from './support/fake-nodes.js';

const LINK = {};

function declared(transactions: Transactions, controller = LINK): Buffer {
  const id = transactions.declare(controller);
  if (id === undefined) throw new Error('too many transactions');
  return id;
}

function routed(broker: FakeBroker, name: string, body: string): Routed {
  const found = broker.router.route({ kind: 'queue', name, autoCreate: false }, content(body));
  if (found.kind !== 'routed') throw new Error('not routed');
  return found;
}

describe('a transaction', () => {
  it('shows nothing of what was posted and settled in it before it is committed', () => {
    const broker = new FakeBroker();
    const queue = broker.queue();
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.publish(content('in'));
    const transactions = new Transactions(broker.router);
    const id = declared(transactions);
    expect(transactions.post(id, [routed(broker, 'q', 'out')])).toEqual(ACCEPTED);
    expect(transactions.settle(id, queue, consumer.nth(0), ACCEPTED)).toBe(true);
    expect(queue.stats()).toMatchObject({ ready: 0, unsettled: 1, accepted: 0 });
    expect(transactions.discharge(id, false, LINK)).toEqual(ACCEPTED);
    expect(queue.stats()).toMatchObject({ ready: 1, unsettled: 0, accepted: 1 });
    expect(bodies(queue)).toEqual(['out']);
  });

  it.each<[string, (transactions: Transactions, id: Buffer) => void, number]>([
    ['rolled back', (transactions, id) => void transactions.discharge(id, true, LINK), 1],
    ['left by its connection', (transactions) => transactions.rollBackAll(), 0],
    ['left by the link that declared it', (transactions) => transactions.rollBackOf(LINK), 0],
  ])('that is %s forgets its messages and puts what was settled back, redelivered', (_name, end, deliveryCount) => {
    const broker = new FakeBroker();
    const queue = broker.queue();
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.publish(content('in'));
    const transactions = new Transactions(broker.router);
    const id = declared(transactions);
    transactions.post(id, [routed(broker, 'q', 'out')]);
    transactions.settle(id, queue, consumer.nth(0), { kind: 'rejected' });
    end(transactions, id);
    expect(bodies(queue)).toEqual(['in']);
    expect(queue.messages()[0]).toMatchObject({ redelivered: true, deliveryCount });
    expect(transactions.discharge(id, false, LINK)).toMatchObject({ condition: 'amqp:transaction:unknown-id' });
  });

  it('is rolled back whole when a queue is gone or full by the time it is committed', () => {
    const broker = new FakeBroker();
    const gone = broker.queue('gone');
    const queue = broker.queue('q', { maxLength: 1, overflow: 'reject-publish' });
    const transactions = new Transactions(broker.router);
    const first = declared(transactions);
    transactions.post(first, [routed(broker, 'q', 'a')]);
    transactions.post(first, [routed(broker, 'q', 'b')]);
    expect(transactions.discharge(first, false, LINK)).toMatchObject({ condition: 'amqp:transaction:rollback' });
    const second = declared(transactions);
    transactions.post(second, [routed(broker, 'q', 'a')]);
    transactions.post(second, [routed(broker, 'gone', 'b')]);
    broker.nodes.deleteQueue(gone);
    expect(transactions.discharge(second, false, LINK)).toMatchObject({ condition: 'amqp:transaction:rollback' });
    expect(queue.stats().enqueued).toBe(0);
  });

  it('of another connection, or one that is over, is unknown', () => {
    const broker = new FakeBroker();
    const queue = broker.queue();
    const id = declared(new Transactions(broker.router));
    const other = new Transactions(broker.router);
    expect(other.post(id, [routed(broker, 'q', 'x')])).toMatchObject({ condition: 'amqp:transaction:unknown-id' });
    expect(other.discharge(id, true, LINK)).toMatchObject({ condition: 'amqp:transaction:unknown-id' });
    expect(queue.stats().enqueued).toBe(0);
  });

  it('is not touched by the link that declared another one', () => {
    const broker = new FakeBroker();
    const queue = broker.queue();
    const transactions = new Transactions(broker.router);
    const other = {};
    const id = declared(transactions);
    transactions.post(id, [routed(broker, 'q', 'x')]);
    transactions.rollBackOf(other);
    expect(transactions.discharge(id, true, other)).toMatchObject({ condition: 'amqp:transaction:unknown-id' });
    expect(transactions.discharge(id, false, LINK)).toEqual(ACCEPTED);
    expect(bodies(queue)).toEqual(['x']);
  });

  it('takes all messages of a batch or none', () => {
    const broker = new FakeBroker();
    const queue = broker.queue();
    const message = routed(broker, 'q', 'x');
    const transactions = new Transactions(broker.router, 3 * message.content.size);
    const id = declared(transactions);
    expect(transactions.post(id, [message])).toEqual(ACCEPTED);
    expect(transactions.post(id, [message, message, message])).toMatchObject({
      condition: 'amqp:resource-limit-exceeded',
    });
    expect(transactions.post(id, [message, message])).toEqual(ACCEPTED);
    transactions.discharge(id, false, LINK);
    expect(queue.stats().enqueued).toBe(3);
  });

  it('cannot be declared without end', () => {
    const transactions = new Transactions(new FakeBroker().router);
    for (let index = 0; index < 256; index++) declared(transactions);
    expect(transactions.declare(LINK)).toBeUndefined();
  });
});
