import { describe, expect, it } from '@jest/globals';
import { DEFAULT_EXCHANGE, type ExchangeSettings } from '../../../lib/broker/exchange/exchange.js';
import { headersMatch } from '../../../lib/broker/exchange/headers-match.js';
import { topicMatches } from '../../../lib/broker/exchange/topic-match.js';
import type { Exchange } from '../../../lib/broker/exchange/exchange.js';
import { MessageContent } from '../../../lib/broker/message/message-content.js';
import type { Refused, Routed } from '../../../lib/broker/nodes/router.js';
import { content, FakeBroker } from './support/fake-nodes.js';
import { processorMs } from '../../support/time.js';

function exchange(broker: FakeBroker, name: string, settings: Partial<ExchangeSettings> = {}): Exchange {
  const declared = broker.nodes.declareExchange(name, { ...DEFAULT_EXCHANGE, ...settings });
  if (declared.kind !== 'created') throw new Error(`exchange ${name} is ${declared.kind}`);
  return declared.node;
}

function toQueue(from: Exchange, name: string, routingKey = '', values: Record<string, unknown> = {}): void {
  from.bind({ destination: { kind: 'queue', name }, routingKey, arguments: values });
}

function toExchange(from: Exchange, name: string, routingKey = ''): void {
  from.bind({ destination: { kind: 'exchange', name }, routingKey, arguments: {} });
}

const route = (broker: FakeBroker, name: string, routingKey = '', sections = {}): Routed | Refused =>
  broker.router.route({ kind: 'exchange', name, routingKey }, content(sections));

const names = (routed: Routed | Refused): unknown =>
  routed.kind === 'routed' ? routed.queues.map((queue) => queue.name).toSorted() : routed;

describe('topic patterns', () => {
  it.each<[string, string, boolean]>([
    ['a.b.c', 'a.b.c', true],
    ['a.b.c', 'a.b', false],
    ['a.*.c', 'a.b.c', true],
    ['a.*.c', 'a.c', false],
    ['a.*.c', 'a.b.b.c', false],
    ['*', '', false],
    ['*', 'a', true],
    ['#', '', true],
    ['#', 'a.b.c', true],
    ['a.#', 'a', true],
    ['a.#', 'ab', false],
    ['a.#.z', 'a.z', true],
    ['a.#.z', 'a.b.c.z', true],
    ['a.#.z', 'a.b.c', false],
    ['#.b.#', 'a.b.c', true],
    ['#.b.#', 'a.c', false],
    ['', '', true],
    ['', 'a', false],
    ['a..c', 'a..c', true],
    ['a.*.c', 'a..c', true],
  ])('%j with key %j: %s', (pattern, key, expected) => {
    expect(topicMatches(pattern, key)).toBe(expected);
  });

  it('take no time that explodes', async () => {
    const look = (): void => expect(topicMatches(`${'#.'.repeat(60)}b`, `${'a.'.repeat(120)}a`)).toBe(false);
    expect(await processorMs(look)).toBeLessThan(500);
  });
});

describe('headers', () => {
  it.each<[Record<string, unknown>, Record<string, unknown>, boolean]>([
    [{ a: 1, b: 'x' }, { a: 1, b: 'x', c: 2 }, true],
    [{ a: 1, b: 'x' }, { a: 1 }, false],
    [{ 'x-match': 'any', a: 1, b: 'x' }, { b: 'x' }, true],
    [{ 'x-match': 'any', a: 1, b: 'x' }, { c: 1 }, false],
    [{ a: null }, { a: 'whatever' }, true],
    [{ a: null }, {}, false],
    [{ a: 1 }, { a: 1n }, true],
    [{ a: 1 }, { a: '1' }, false],
    [{ 'x-a': 1 }, {}, true],
    [{ 'x-match': 'all-with-x', 'x-a': 1 }, {}, false],
    [{ a: Buffer.from('k') }, { a: Buffer.from('k') }, true],
    [{}, { a: 1 }, true],
  ])('binding %j, properties %j: %s', (binding, properties, expected) => {
    expect(headersMatch(binding, properties)).toBe(expected);
  });

  it('do not find inherited names', () => {
    expect(headersMatch({ constructor: null }, {})).toBe(false);
  });
});

describe('routing', () => {
  it('releases what no binding wants, and says not-found for an exchange that is not there', () => {
    const broker = new FakeBroker();
    expect(route(broker, 'amq.direct', 'k')).toMatchObject({ kind: 'outcome', outcome: { kind: 'released' } });
    expect(route(broker, 'nope')).toMatchObject({ outcome: { kind: 'rejected', condition: 'amqp:not-found' } });
  });

  it('reaches each queue once, by whichever ways, through exchanges bound in a circle', () => {
    const broker = new FakeBroker();
    broker.queue('one');
    broker.queue('two');
    const a = exchange(broker, 'a', { type: 'fanout' });
    const b = exchange(broker, 'b', { type: 'topic' });
    toExchange(a, 'b');
    toExchange(b, 'a', '#');
    toQueue(a, 'one');
    toQueue(a, 'one', 'again');
    toQueue(b, 'one', 'k.*');
    toQueue(b, 'two', 'k.*');
    expect(names(route(broker, 'a', 'k.x'))).toEqual(['one', 'two']);
    expect(names(route(broker, 'a', 'z'))).toEqual(['one']);
  });

  it('uses the alternate exchange for what no binding wants', () => {
    const broker = new FakeBroker();
    broker.queue('lost');
    exchange(broker, 'main', { alternateExchange: 'rest' });
    toQueue(exchange(broker, 'rest', { type: 'fanout' }), 'lost');
    expect(names(route(broker, 'main', 'k'))).toEqual(['lost']);
  });

  it('rejects a message whose application properties a headers exchange cannot read', () => {
    const broker = new FakeBroker();
    broker.queue('q');
    const headers = broker.nodes.exchange('amq.headers');
    if (headers === undefined) throw new Error('amq.headers is predeclared');
    toQueue(headers, 'q', '', { a: 1 });
    // A string that is not UTF-8: well-formed for who only looks at sizes.
    const bad = new MessageContent(Buffer.from('005374c10802a10161a102fffe', 'hex'));
    const refused = broker.router.route({ kind: 'exchange', name: 'amq.headers', routingKey: '' }, bad);
    expect(refused).toMatchObject({ outcome: { kind: 'rejected', condition: 'amqp:decode-error' } });
  });

  it('forgets bindings with their queue, and auto-delete exchanges with their last binding', () => {
    const broker = new FakeBroker();
    const queue = broker.queue('q');
    toQueue(exchange(broker, 'temporary', { autoDelete: true }), 'q');
    broker.nodes.deleteQueue(queue);
    expect(broker.nodes.exchange('temporary')).toBeUndefined();
  });

  it('stores in all queues or in none when one is full', () => {
    const broker = new FakeBroker();
    const open = broker.queue('open');
    broker.queue('full', { maxLength: 0, overflow: 'reject-publish' });
    const fanout = exchange(broker, 'f', { type: 'fanout' });
    toQueue(fanout, 'open');
    toQueue(fanout, 'full');
    expect(route(broker, 'f')).toMatchObject({ outcome: { condition: 'amqp:resource-limit-exceeded' } });
    expect(open.stats().enqueued).toBe(0);
  });

  it('sends dead letters through an exchange with the key they came with, or the one the queue names', () => {
    const broker = new FakeBroker();
    const direct = exchange(broker, 'dlx');
    toQueue(direct, broker.queue('by-key').name, 'orders.created');
    toQueue(direct, broker.queue('fixed').name, 'dead');
    const queue = broker.queue('q', { deadLetter: { exchange: 'dlx', routingKey: undefined }, maxLength: 0 });
    const other = broker.queue('q2', { deadLetter: { exchange: 'dlx', routingKey: 'dead' }, maxLength: 0 });
    queue.publish(content(), { routingKey: 'orders.created' });
    other.publish(content(), { routingKey: 'orders.created' });
    expect(broker.nodes.queue('by-key')?.stats().ready).toBe(1);
    expect(broker.nodes.queue('fixed')?.stats().ready).toBe(1);
  });
});
