import { describe, expect, it } from '@jest/globals';
import { MessageContent } from '../../../lib/broker/message/message-content.js';
import { ACCEPTED, type Outcome, RELEASED } from '../../../lib/protocol/acceptor/index.js';
import { FakeConsumer } from './support/fake-consumer.js';
import { bodies, content, FakeBroker, imbalance } from './support/fake-nodes.js';

const FAILED: Outcome = { kind: 'modified', deliveryFailed: true, undeliverableHere: false };
const REJECTED: Outcome = { kind: 'rejected', condition: 'app:bad', description: 'no such order' };
/** What comes back goes out again in a task of its own. */
const nextTask = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

describe('a queue', () => {
  it('keeps messages while nobody has credit, and gives them in order when somebody does', () => {
    const queue = new FakeBroker().queue();
    const consumer = new FakeConsumer(queue);
    for (const body of ['a', 'b', 'c']) queue.publish(content(body));
    expect(consumer.got).toHaveLength(0);
    consumer.addCredit(2);
    expect(consumer.bodies).toEqual(['a', 'b']);
    expect(queue.stats()).toMatchObject({ ready: 1, unsettled: 2, enqueued: 3, delivered: 2 });
  });

  it('takes nothing away when the consumer could not take it after all', () => {
    const queue = new FakeBroker().queue();
    const consumer = new FakeConsumer(queue, { credit: 1 });
    consumer.isBlocked = true;
    queue.publish(content('a'));
    expect(queue.stats()).toMatchObject({ ready: 1, unsettled: 0, delivered: 0 });
    consumer.isBlocked = false;
    consumer.addCredit(1);
    expect(consumer.bodies).toEqual(['a']);
  });

  it('gives competing consumers one message each in turn', () => {
    const queue = new FakeBroker().queue();
    const consumers = [new FakeConsumer(queue), new FakeConsumer(queue), new FakeConsumer(queue)];
    for (const consumer of consumers) consumer.credit = 100;
    for (let index = 0; index < 9; index++) queue.publish(content(String(index)));
    expect(consumers.map((consumer) => consumer.got.length)).toEqual([3, 3, 3]);
  });

  it('does not let a consumer without credit hold up the others', () => {
    const queue = new FakeBroker().queue();
    const stuck = new FakeConsumer(queue);
    const free = new FakeConsumer(queue, { credit: 10 });
    for (let index = 0; index < 5; index++) queue.publish(content(String(index)));
    expect([stuck.got.length, free.got.length]).toEqual([0, 5]);
  });

  it('settles once: a second outcome changes nothing', () => {
    const queue = new FakeBroker().queue();
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.publish(content());
    queue.settle(consumer.nth(0), ACCEPTED);
    queue.settle(consumer.nth(0), RELEASED);
    queue.giveBack(consumer.nth(0), true);
    expect(queue.stats()).toMatchObject({ accepted: 1, released: 0, ready: 0, unsettled: 0 });
  });

  it.each<[string, Outcome, number]>([
    ['released', RELEASED, 0],
    ['modified without a failure', { kind: 'modified', deliveryFailed: false, undeliverableHere: false }, 0],
    ['modified with a failed delivery', FAILED, 1],
  ])('puts %s back in its old place, redelivered, with the right count', async (_name, outcome, count) => {
    const queue = new FakeBroker().queue();
    const consumer = new FakeConsumer(queue, { credit: 2 });
    for (const body of ['a', 'b', 'c']) queue.publish(content(body));
    queue.settle(consumer.nth(1), outcome);
    queue.settle(consumer.nth(0), outcome);
    expect(bodies(queue)).toEqual(['a', 'b', 'c']);
    const [first] = queue.messages();
    expect(first).toMatchObject({ deliveryCount: count, redelivered: true });
    consumer.addCredit(3);
    await nextTask();
    expect(consumer.bodies).toEqual(['a', 'b', 'a', 'b', 'c']);
  });

  it('requeues what a lost link had in old order, uncounted, and as redelivered only what it may have seen', async () => {
    const queue = new FakeBroker().queue();
    const lost = new FakeConsumer(queue, { credit: 3 });
    for (const body of ['a', 'b', 'c', 'd']) queue.publish(content(body));
    queue.removeConsumer(lost);
    const other = new FakeConsumer(queue);
    other.credit = 10;
    queue.giveBack(lost.nth(2), false);
    queue.giveBack(lost.nth(1), true);
    queue.giveBack(lost.nth(0), true);
    await nextTask();
    expect(other.bodies).toEqual(['a', 'b', 'c', 'd']);
    expect(other.got.map((message) => message.redelivered)).toEqual([true, true, false, false]);
    expect(other.got.every((message) => message.deliveryCount === 0)).toBe(true);
    expect(queue.stats()).toMatchObject({ released: 0, modified: 0 });
  });

  it('merges the annotations of modified into what is delivered next', async () => {
    const queue = new FakeBroker().queue();
    const consumer = new FakeConsumer(queue, { credit: 2 });
    queue.publish(content({ messageAnnotations: { 'x-a': 1, 'x-b': 1 } }));
    queue.settle(consumer.nth(0), { ...FAILED, messageAnnotations: { 'x-b': 2 } });
    await nextTask();
    expect(consumer.nth(1).currentAnnotations).toEqual({ 'x-a': 1, 'x-b': 2 });
  });

  it('leaves annotations out that have no form in AMQP, and delivers all the same', async () => {
    const queue = new FakeBroker().queue();
    const consumer = new FakeConsumer(queue, { credit: 2 });
    queue.publish(content({ messageAnnotations: { 'x-kept': 1 } }));
    queue.settle(consumer.nth(0), { ...FAILED, messageAnnotations: { 'x-ä': 1, 'x-function': () => 1, 'x-new': 2 } });
    await nextTask();
    expect(new MessageContent(consumer.nth(1).encode(0)).annotations).toEqual({ 'x-kept': 1, 'x-new': 2 });
  });

  it('writes redelivery and count into the next header and leaves the bare message as it came', async () => {
    const queue = new FakeBroker().queue();
    const consumer = new FakeConsumer(queue, { credit: 2 });
    const sent = content({
      header: { durable: true },
      properties: { messageId: 'm' },
      body: Buffer.alloc(300, 7),
      bodyType: 'data',
    });
    queue.publish(sent);
    const first = new MessageContent(consumer.nth(0).encode(0));
    expect(first.header).toMatchObject({ durable: true, firstAcquirer: true, deliveryCount: 0 });
    queue.settle(consumer.nth(0), FAILED);
    await nextTask();
    const second = new MessageContent(consumer.nth(1).encode(0));
    expect(second.header).toMatchObject({ durable: true, firstAcquirer: false, deliveryCount: 1 });
    expect(second.bareMessage.equals(sent.bareMessage)).toBe(true);
  });

  it('dead-letters after the last of maxDeliveries failed, and not for releases', async () => {
    const broker = new FakeBroker();
    const dead = broker.queue('dead');
    const queue = broker.queue('q', { maxDeliveries: 3, deadLetter: { exchange: '', routingKey: 'dead' } });
    const consumer = new FakeConsumer(queue, { credit: 100 });
    queue.publish(content('poison'));
    for (const outcome of [FAILED, RELEASED, FAILED, RELEASED]) {
      queue.settle(consumer.got.at(-1) ?? consumer.nth(0), outcome);
      await nextTask();
    }
    expect(bodies(dead)).toEqual([]);
    queue.settle(consumer.nth(4), FAILED);
    await nextTask();
    expect(consumer.got).toHaveLength(5);
    expect(bodies(dead)).toEqual(['poison']);
    expect(dead.messages()[0]?.currentAnnotations).toEqual({
      'x-opt-death-reason': 'max-deliveries',
      'x-opt-death-queue': 'q',
    });
    expect(dead.messages()[0]?.deliveryCount).toBe(0);
  });

  it.each<[string, Outcome, Record<string, unknown>]>([
    [
      'rejected',
      REJECTED,
      {
        'x-opt-death-reason': 'rejected',
        'x-opt-death-condition': 'app:bad',
        'x-opt-death-description': 'no such order',
      },
    ],
    [
      'undeliverable here',
      { kind: 'modified', deliveryFailed: false, undeliverableHere: true },
      { 'x-opt-death-reason': 'undeliverable' },
    ],
  ])('dead-letters what is %s with the reason in annotations', (_name, outcome, annotations) => {
    const broker = new FakeBroker();
    const dead = broker.queue('dead');
    const queue = broker.queue('q', { deadLetter: { exchange: '', routingKey: 'dead' } });
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.publish(content({ messageAnnotations: { 'x-kept': true, 'x-opt-death-error': 'older' } }));
    queue.settle(consumer.nth(0), outcome);
    expect(dead.messages()[0]?.currentAnnotations).toEqual({
      'x-kept': true,
      'x-opt-death-queue': 'q',
      ...annotations,
    });
    const sent = new FakeConsumer(dead, { credit: 1 }).nth(0).encode(broker.clock.now());
    expect(new MessageContent(sent).decode()).toMatchObject({ body: 'x', messageAnnotations: annotations });
    expect(queue.stats()).toMatchObject({ deadLettered: 1, dropped: 0 });
  });

  it('drops what is rejected when there is no place for dead letters', () => {
    const queue = new FakeBroker().queue('q', { deadLetter: { exchange: '', routingKey: 'nowhere' } });
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.publish(content());
    queue.settle(consumer.nth(0), REJECTED);
    expect(queue.stats()).toMatchObject({ rejected: 1, deadLettered: 0, dropped: 1 });
  });

  it('delivers higher priorities first, up to the limit of the queue, and equal ones in order', () => {
    const queue = new FakeBroker().queue('q', { maxPriority: 8 });
    const send = (body: string, priority?: number): void =>
      queue.publish(content(priority === undefined ? body : { body, header: { priority } }));
    send('normal 1');
    send('low', 1);
    send('high', 9);
    send('normal 2', 4);
    send('capped', 200);
    expect(bodies(queue)).toEqual(['normal 1', 'low', 'high', 'normal 2', 'capped']);
    expect(new FakeConsumer(queue, { credit: 5 }).bodies).toEqual(['high', 'capped', 'normal 1', 'normal 2', 'low']);
  });

  it('shows every message once to who browses, also later ones, and takes none away', async () => {
    const queue = new FakeBroker().queue();
    queue.publish(content('a'));
    const browser = new FakeConsumer(queue, { credit: 10, browses: true });
    queue.publish(content('b'));
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.settle(consumer.nth(0), RELEASED);
    await nextTask();
    expect(browser.bodies).toEqual(['a', 'b']);
    expect(queue.stats()).toMatchObject({ ready: 2, consumers: 2, delivered: 1 });
  });

  it('gives a consumer with a selector only what it wants, in order, and the rest to the others', async () => {
    const queue = new FakeBroker().queue();
    const wants = ({ content: { subject } }: { content: { subject: string | undefined } }): boolean =>
      subject === 'red';
    for (const [body, subject] of [
      ['1', 'red'],
      ['2', 'blue'],
      ['3', 'red'],
    ] as const) {
      queue.publish(content({ body, properties: { subject } }));
    }
    const red = new FakeConsumer(queue, { credit: 10, wants });
    expect(red.bodies).toEqual(['1', '3']);
    expect(new FakeConsumer(queue, { credit: 1 }).bodies).toEqual(['2']);
    queue.settle(red.nth(1), RELEASED);
    queue.settle(red.nth(0), RELEASED);
    await nextTask();
    expect(red.bodies).toEqual(['1', '3', '1', '3']);
    expect(imbalance(queue)).toBe(0);
  });

  it('is busy while messages are unsettled or a consumer would take one, and not for who only browses or wants others', () => {
    const queue = new FakeBroker().queue();
    const isBusy: boolean[] = [];
    const look = (): void => void isBusy.push(queue.isBusy);
    queue.publish(content('a'));
    look();
    const browser = new FakeConsumer(queue, { browses: true });
    const picky = new FakeConsumer(queue, { wants: () => false });
    look();
    const consumer = new FakeConsumer(queue);
    look();
    consumer.addCredit(1);
    look();
    queue.settle(consumer.nth(0), ACCEPTED);
    look();
    expect(isBusy).toEqual([false, false, true, true, false]);
    expect([browser.got.length, picky.got.length]).toEqual([0, 0]);
  });

  it('ends its links when it is deleted, and what they give back is gone', () => {
    const broker = new FakeBroker();
    const queue = broker.queue();
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.publish(content('a'));
    queue.publish(content('b'));
    broker.nodes.deleteQueue(queue);
    expect(consumer.detachedWith?.condition).toBe('amqp:resource-deleted');
    queue.giveBack(consumer.nth(0), true);
    expect(queue.stats()).toMatchObject({ ready: 0, unsettled: 0 });
    expect(imbalance(queue)).toBe(0);
  });

  it('counts what a purge takes, scheduled messages too, and leaves the unsettled', () => {
    const queue = new FakeBroker().queue();
    const consumer = new FakeConsumer(queue, { credit: 1 });
    for (const body of ['a', 'b', 'c']) queue.publish(content(body));
    expect(consumer.bodies).toEqual(['a']);
    queue.publish(content({ messageAnnotations: { 'x-opt-delivery-delay': 1_000 } }));
    expect(queue.purge()).toBe(3);
    expect(queue.stats()).toMatchObject({ ready: 0, scheduled: 0, unsettled: 1, purged: 3, enqueued: 4 });
    expect(imbalance(queue)).toBe(0);
  });
});
