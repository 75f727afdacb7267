import { describe, expect, it } from '@jest/globals';
import { type Outcome, RELEASED } from '../../../lib/protocol/acceptor/index.js';
import { FakeConsumer } from './support/fake-consumer.js';
import { bodies, content, FakeBroker, imbalance } from './support/fake-nodes.js';

const DEAD = { deadLetter: { exchange: '', routingKey: 'dead' } };

describe('lifetimes', () => {
  it.each<[string, Parameters<typeof content>[0], object]>([
    ["the sender's ttl", { header: { ttl: 100 } }, {}],
    ["the queue's ttl", {}, { messageTtlMs: 100 }],
    ['the earlier of both', { header: { ttl: 100 } }, { messageTtlMs: 5_000 }],
    ['the absolute expiry time', { properties: { absoluteExpiryTime: new Date(1_700_000_000_100) } }, {}],
  ])('end by %s, at that time and without any consumer', (_name, sections, settings) => {
    const broker = new FakeBroker();
    const dead = broker.queue('dead');
    const queue = broker.queue('q', { ...DEAD, ...settings });
    queue.publish(content(sections));
    broker.clock.advance(99);
    expect(queue.stats()).toMatchObject({ ready: 1, expired: 0 });
    broker.clock.advance(1);
    expect(queue.stats()).toMatchObject({ ready: 0, expired: 1, deadLettered: 1 });
    expect(dead.messages()[0]?.currentAnnotations).toMatchObject({ 'x-opt-death-reason': 'expired' });
  });

  it('do not end while a message is unsettled, but when it comes back too late', () => {
    const broker = new FakeBroker();
    const queue = broker.queue();
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.publish(content({ header: { ttl: 100 } }));
    broker.clock.advance(1_000);
    expect(queue.stats()).toMatchObject({ unsettled: 1, expired: 0 });
    queue.settle(consumer.nth(0), RELEASED);
    expect(queue.stats()).toMatchObject({ unsettled: 0, ready: 0, expired: 1, dropped: 1, released: 1 });
  });

  it('of 0 reach a consumer that waits, and nobody else', () => {
    const broker = new FakeBroker();
    const queue = broker.queue();
    queue.publish(content({ header: { ttl: 0 } }));
    broker.clock.advance(0);
    expect(queue.stats()).toMatchObject({ expired: 1 });
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.publish(content({ header: { ttl: 0 } }));
    expect(consumer.got).toHaveLength(1);
  });

  it('are over before they began when the expiry time lies in the past', () => {
    const queue = new FakeBroker().queue();
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.publish(content({ properties: { absoluteExpiryTime: new Date(0) } }));
    expect(consumer.got).toHaveLength(0);
    expect(queue.stats()).toMatchObject({ expired: 1, dropped: 1 });
  });

  it('tell the receiver what remains of the ttl', () => {
    const broker = new FakeBroker();
    const queue = broker.queue();
    queue.publish(content({ header: { ttl: 1_000 } }));
    broker.clock.advance(400);
    const consumer = new FakeConsumer(queue, { credit: 1 });
    expect(consumer.nth(0).header(broker.clock.now()).ttl).toBe(600);
  });

  it('leave no timers behind', () => {
    const broker = new FakeBroker();
    const queue = broker.queue();
    const consumer = new FakeConsumer(queue, { credit: 1_000 });
    for (let index = 0; index < 1_000; index++) queue.publish(content({ header: { ttl: 3_600_000 } }));
    for (const message of consumer.got) queue.settle(message, { kind: 'accepted' });
    expect(broker.clock.timerCount).toBeLessThanOrEqual(1);
  });

  it('do not send a message in circles for ever', () => {
    const broker = new FakeBroker();
    const a = broker.queue('a', { messageTtlMs: 10, deadLetter: { exchange: '', routingKey: 'b' } });
    const b = broker.queue('b', { messageTtlMs: 10, deadLetter: { exchange: '', routingKey: 'a' } });
    a.publish(content());
    broker.clock.advance(1_000);
    expect(a.stats()).toMatchObject({ enqueued: 1, deadLettered: 1 });
    expect(b.stats()).toMatchObject({ enqueued: 1, dropped: 1 });
  });

  it('allow the retry queue: rejected, waiting elsewhere, back again, any number of times', () => {
    const broker = new FakeBroker();
    const work = broker.queue('work', { deadLetter: { exchange: '', routingKey: 'wait' } });
    broker.queue('wait', { messageTtlMs: 10, deadLetter: { exchange: '', routingKey: 'work' } });
    const consumer = new FakeConsumer(work, { credit: 100 });
    work.publish(content());
    for (let round = 0; round < 5; round++) {
      work.settle(consumer.nth(round), { kind: 'rejected' });
      broker.clock.advance(10);
    }
    expect(consumer.got).toHaveLength(6);
  });
});

describe('scheduled messages', () => {
  it.each<[string, Record<string, unknown>]>([
    ['x-opt-delivery-delay', { 'x-opt-delivery-delay': 500 }],
    ['x-opt-delivery-time as a number', { 'x-opt-delivery-time': 1_700_000_000_500 }],
    ['x-opt-delivery-time as a timestamp', { 'x-opt-delivery-time': new Date(1_700_000_000_500) }],
  ])('wait for %s and come after what is there by then', (_name, messageAnnotations) => {
    const broker = new FakeBroker();
    const queue = broker.queue();
    queue.publish(content({ body: 'later', messageAnnotations }));
    expect(queue.stats()).toMatchObject({ scheduled: 1, ready: 0, enqueued: 0 });
    broker.clock.advance(499);
    queue.publish(content('now'));
    broker.clock.advance(1);
    expect(bodies(queue)).toEqual(['now', 'later']);
    expect(queue.stats()).toMatchObject({ scheduled: 0, enqueued: 2 });
  });

  it.each([{ 'x-opt-delivery-delay': 0 }, { 'x-opt-delivery-delay': 'soon' }, { 'x-opt-delivery-time': 1 }])(
    'are delivered at once for %j',
    (messageAnnotations) => {
      const queue = new FakeBroker().queue();
      queue.publish(content({ messageAnnotations }));
      expect(queue.stats()).toMatchObject({ scheduled: 0, ready: 1 });
    },
  );

  it('expire when their lifetime ends before their time comes', () => {
    const broker = new FakeBroker();
    const queue = broker.queue();
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.publish(content({ header: { ttl: 100 }, messageAnnotations: { 'x-opt-delivery-delay': 500 } }));
    broker.clock.advance(500);
    expect(consumer.got).toHaveLength(0);
    expect(queue.stats()).toMatchObject({ expired: 1, dropped: 1 });
    expect(imbalance(queue)).toBe(0);
  });

  it('are not delayed again as dead letters', () => {
    const broker = new FakeBroker();
    const dead = broker.queue('dead');
    const queue = broker.queue('q', DEAD);
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.publish(content({ messageAnnotations: { 'x-opt-delivery-delay': 500 } }));
    broker.clock.advance(500);
    queue.settle(consumer.nth(0), { kind: 'rejected' } satisfies Outcome);
    expect(dead.stats()).toMatchObject({ ready: 1, scheduled: 0 });
  });
});

describe('unused queues', () => {
  it('go with their last consumer when they are auto-delete, and not before there was one', () => {
    const broker = new FakeBroker();
    const queue = broker.queue('q', { autoDelete: true });
    expect(broker.nodes.queue('q')).toBe(queue);
    const consumers = [new FakeConsumer(queue), new FakeConsumer(queue)];
    for (const consumer of consumers) {
      expect(broker.nodes.queue('q')).toBe(queue);
      queue.removeConsumer(consumer);
    }
    expect(broker.nodes.queue('q')).toBeUndefined();
  });

  it('go after expiresMs without a consumer, counted anew from the last one', () => {
    const broker = new FakeBroker();
    const queue = broker.queue('q', { expiresMs: 100 });
    const consumer = new FakeConsumer(queue);
    broker.clock.advance(1_000);
    expect(broker.nodes.queue('q')).toBe(queue);
    queue.removeConsumer(consumer);
    broker.clock.advance(99);
    expect(broker.nodes.queue('q')).toBe(queue);
    broker.clock.advance(1);
    expect(broker.nodes.queue('q')).toBeUndefined();
  });

  it('go with the connection they are exclusive to', () => {
    const broker = new FakeBroker();
    const owner = {};
    const settings = { ...broker.queue('other').settings, exclusive: true };
    broker.nodes.declareQueue('mine', settings, owner);
    expect(broker.nodes.declareQueue('mine', settings, {}).kind).toBe('locked');
    expect(broker.nodes.declareQueue('mine', settings, owner).kind).toBe('exists');
    broker.nodes.ownerGone(owner);
    expect(broker.nodes.queues().map(({ name }) => name)).toEqual(['other']);
  });
});

describe('full queues', () => {
  it('push out the oldest, whatever its priority, with the reason', () => {
    const broker = new FakeBroker();
    const dead = broker.queue('dead');
    const queue = broker.queue('q', { ...DEAD, maxLength: 2 });
    queue.publish(content({ body: 'oldest', header: { priority: 9 } }));
    queue.publish(content('b'));
    queue.publish(content('c'));
    expect(bodies(queue)).toEqual(['b', 'c']);
    expect(bodies(dead)).toEqual(['oldest']);
    expect(dead.messages()[0]?.currentAnnotations).toMatchObject({ 'x-opt-death-reason': 'max-length' });
  });

  it('count bytes where bytes are limited', () => {
    const size = content('x').size;
    const queue = new FakeBroker().queue('q', { maxLengthBytes: size * 2 });
    for (let index = 0; index < 5; index++) queue.publish(content('x'));
    expect(queue.stats()).toMatchObject({ ready: 2, dropped: 3 });
    expect(imbalance(queue)).toBe(0);
  });

  it('refuse new messages with reject-publish, scheduled ones counted, until there is room', () => {
    const broker = new FakeBroker();
    const queue = broker.queue('q', { maxLength: 2, overflow: 'reject-publish' });
    queue.publish(content());
    queue.publish(content({ messageAnnotations: { 'x-opt-delivery-delay': 10 } }));
    const refused = broker.router.route({ kind: 'queue', name: 'q', autoCreate: false }, content());
    expect(refused).toMatchObject({ kind: 'outcome', outcome: { condition: 'amqp:resource-limit-exceeded' } });
    queue.purge();
    expect(broker.router.route({ kind: 'queue', name: 'q', autoCreate: false }, content()).kind).toBe('routed');
  });

  it('of length 0 still hand messages to whoever waits', () => {
    const queue = new FakeBroker().queue('q', { maxLength: 0 });
    const consumer = new FakeConsumer(queue, { credit: 1 });
    queue.publish(content());
    queue.publish(content());
    expect(consumer.got).toHaveLength(1);
    expect(queue.stats()).toMatchObject({ ready: 0, dropped: 1 });
  });
});
