import { describe, expect, it } from '@jest/globals';
import type { Source, Target } from '../../../lib/client/address/address.js';
import { checkSource, checkTarget } from '../../../lib/client/address/check-address.js';
import {
  describeSource,
  describeTarget,
  queueOf,
  resolveSource,
  resolveTarget,
  wireAddress,
} from '../../../lib/client/address/terminus.js';
import { detectPeer } from '../../../lib/client/profile/detect-profile.js';
import type { ProfileName } from '../../../lib/client/profile/peer-profile.js';
import { PROFILE_NAMES, profileNamed } from '../../../lib/client/profile/profiles.js';
import type { PeerOpen } from '../../../lib/protocol/connection.js';
import { LinkError } from '../../../lib/protocol/errors.js';
import { InvalidOptionsError } from '../../../lib/protocol/invalid-options-error.js';
import { Described, Typed } from '../../../lib/protocol/types/typed.js';

const thrown = <E extends Error>(kind: new (...args: never[]) => E, call: () => unknown): E => {
  try {
    call();
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('an address that cannot work', () => {
  it.each<[string, unknown, string]>([
    ['undefined', undefined, "a queue's name"],
    ['empty', '', 'not empty'],
    ['blanks', '  ', 'not empty'],
    ['a number', 5, 'an object'],
    ['nothing in it', {}, 'exactly one of'],
    ['two places', { queue: 'a', topic: 'b' }, 'queue and topic'],
    ['dynamic with a queue', { dynamic: true, queue: 'a' }, 'queue and dynamic'],
    ['an unknown name', { queue: 'a', name: 'b' }, 'no such option'],
    ['an empty queue', { queue: '' }, 'not empty'],
    ['a routing key without its exchange', { queue: 'a', routingKey: 'k' }, 'unless exchange is given'],
    ['a routing key that is no string', { exchange: 'a', routingKey: 5 }, 'a string'],
    ['capabilities that are no list', { queue: 'a', capabilities: 'topic' }, 'an array of strings'],
    ['durable', { queue: 'a', durable: true }, "'configuration'"],
    ['mandatory', { queue: 'a', mandatory: 1 }, 'true or false'],
  ])('as a target: %s', (_name, target, expected) => {
    expect(thrown(InvalidOptionsError, () => checkTarget(target, 'target')).message).toContain(expected);
  });

  it.each<[string, unknown, string]>([
    ['null', null, 'a source object'],
    ['an exchange', { exchange: 'a' }, 'no such option'],
    ['distributionMode', { queue: 'a', distributionMode: 'browse' }, "'copy'"],
    ['expiryPolicy', { queue: 'a', expiryPolicy: 'forever' }, "'never'"],
    ['filters', { queue: 'a', filters: [] }, 'a plain object'],
    ['a durable subscription without a name', { topic: 'a', durable: 'unsettled-state' }, 'source.linkName'],
    ['a durable queue without a name', { queue: 'a', durable: 'configuration' }, 'given with a durable source'],
    ['a durable address without a name', { address: 'topic://a', durable: 'configuration' }, 'source.linkName'],
    ['a shared subscription without a name', { topic: 'a', shared: 'global' }, 'given with a shared source'],
    ['shared', { topic: 'a', linkName: 'l', shared: true }, "'global'"],
    ['a shared queue', { queue: 'a', linkName: 'l', shared: 'global' }, 'share it anyway'],
    ['noLocal', { topic: 'a', noLocal: 1 }, 'true or false'],
    ['expiryTimeoutMs', { queue: 'a', expiryTimeoutMs: -1 }, 'source.expiryTimeoutMs'],
    ['priority', { queue: 'a', priority: 1.5 }, 'source.priority'],
    ['streamOffset', { queue: 'a', streamOffset: 'start' }, "'first', 'last', 'next'"],
    ['streamOffset', { queue: 'a', streamOffset: -1 }, 'an offset of at least 0'],
    ['streamOffset', { queue: 'a', streamOffset: new Date('nonsense') }, 'or a Date'],
    ['exclusive', { queue: 'a', exclusive: true }, 'no such option'],
  ])('as a source: %s', (_name, source, expected) => {
    expect(thrown(InvalidOptionsError, () => checkSource(source, 'source')).message).toContain(expected);
  });
});

describe('an address in the words of the peer', () => {
  it.each<[ProfileName, Target, string | null | undefined]>([
    ['rabbitmq-4', { exchange: 'ä/x', routingKey: 'order.new/b c' }, '/exchanges/%C3%A4%2Fx/order.new%2Fb%20c'],
    ['rabbitmq-4', 'orders', '/queues/orders'],
    ['rabbitmq-4', 'a/b c', '/queues/a%2Fb%20c'],
    ['rabbitmq-4', 'größe', '/queues/gr%C3%B6%C3%9Fe'],
    ['rabbitmq-4', '/queues/orders', '/queues/orders'],
    ['rabbitmq-4', { queue: '/odd' }, '/queues/%2Fodd'],
    // What is given as an address goes out letter by letter: case, port, query and all.
    ['rabbitmq-4', 'amqps://Host:5671/Q?x=1', 'amqps://Host:5671/Q?x=1'],
    ['generic', 'amqps://user@Host:5671/Q', 'amqps://user@Host:5671/Q'],
    ['rabbitmq-4', { exchange: 'events', routingKey: 'a.b' }, '/exchanges/events/a.b'],
    ['rabbitmq-4', { exchange: 'events' }, '/exchanges/events'],
    ['rabbitmq-4', { topic: 'a.b' }, '/exchanges/amq.topic/a.b'],
    ['rabbitmq-4', null, null],
    ['rabbitmq-3', 'orders', '/amq/queue/orders'],
    ['activemq', 'orders', 'orders'],
    ['activemq', 'queue://orders', 'queue://orders'],
    ['activemq', { topic: 'news' }, 'topic://news'],
    ['artemis', { topic: 'news' }, 'news'],
    ['qpid', { topic: 'news' }, 'amq.topic/news'],
    ['embedded', 'orders', 'orders'],
    ['generic', 'orders', 'orders'],
    ['generic', { address: 'x' }, 'x'],
    ['activemq', 'one,two', 'one,two'],
    ['activemq', { topic: 'news.>' }, 'topic://news.>'],
    ['artemis', 'DLQ::DLQ.orders', 'DLQ::DLQ.orders'],
    ['qpid', { topic: 'news.#' }, 'amq.topic/news.#'],
  ])('%s: target %j is %j', (profile, target, address) => {
    expect(resolveTarget(target, profileNamed(profile)).terminus.address).toBe(address);
  });

  it('asks Artemis for a queue and a topic by capability', () => {
    expect(resolveTarget('a', profileNamed('artemis')).terminus.capabilities).toEqual(['queue']);
    const topic: Source = { topic: 'a', capabilities: ['shared', 'topic'] };
    expect(resolveSource(topic, profileNamed('artemis')).terminus.capabilities).toEqual(['topic', 'shared']);
  });

  it('turns a selector into the registered filter and keeps the others', () => {
    const { filters } = resolveSource(
      { queue: 'a', selector: 'x > 1', filters: { y: 2 } },
      profileNamed('activemq'),
    ).terminus;
    expect(filters).toEqual({ y: 2, 'jms-selector': new Described(0x0000468c00000004, 'x > 1') });
  });

  it('has all its filters at once, each with its registered name and descriptor', () => {
    const at = new Date('2026-01-01T00:00:00Z');
    const source: Source = { topic: 'a', selector: 'x > 1', noLocal: true, filters: { 'acme:y': 2 } };
    expect(resolveSource(source, profileNamed('activemq')).terminus.filters).toEqual({
      'jms-selector': new Described(0x0000468c00000004, 'x > 1'),
      'no-local': new Described(0x0000468c00000003, []),
      'acme:y': 2,
    });
    const offsets = (['first', 7, 7n, at] as const).map(
      (streamOffset) => resolveSource({ queue: 'a', streamOffset }, profileNamed('rabbitmq-4')).terminus.filters,
    );
    expect(offsets).toEqual(
      ['first', 7n, 7n, at].map((value) => ({
        'rabbitmq:stream-offset-spec': new Described('rabbitmq:stream-offset-spec', value),
      })),
    );
  });

  it('says what is shared, how long it is kept, and how urgent its consumer is, in the words of the peer', () => {
    const shared = { topic: 'a', linkName: 'l', expiryPolicy: 'never', expiryTimeoutMs: 1_500 } as const;
    expect(resolveSource({ ...shared, shared: 'container' }, profileNamed('artemis')).terminus).toMatchObject({
      capabilities: ['topic', 'shared'],
      expiryPolicy: 'never',
      timeout: 2,
    });
    const { terminus } = resolveSource({ ...shared, shared: 'global' }, profileNamed('qpid'));
    expect(terminus.capabilities).toEqual(['shared', 'global']);
    const urgent: Source = { queue: 'a', priority: 5, linkProperties: { other: 1 } };
    const of = (profile: ProfileName): unknown => resolveSource(urgent, profileNamed(profile)).linkProperties;
    expect(of('rabbitmq-4')).toEqual({ other: 1, 'rabbitmq:priority': new Typed('int', 5) });
    expect(of('artemis')).toEqual({ other: 1, priority: new Typed('int', 5) });
  });

  it('writes a message\'s "to" like a target', () => {
    expect(wireAddress('orders', profileNamed('rabbitmq-4'))).toBe('/queues/orders');
    expect(wireAddress('/exchanges/e', profileNamed('rabbitmq-4'))).toBe('/exchanges/e');
  });

  it('fails by name for what the peer lacks, and says that trying again is no use', () => {
    const cases: readonly (readonly [ProfileName, () => unknown, string])[] = [
      ['activemq', () => resolveTarget({ exchange: 'e' }, profileNamed('activemq')), 'exchanges'],
      ['azure', () => resolveTarget(null, profileNamed('azure')), 'anonymous'],
      ['rabbitmq-4', () => resolveTarget({ dynamic: true }, profileNamed('rabbitmq-4')), 'dynamic nodes'],
      ['rabbitmq-4', () => resolveSource({ queue: 'q', selector: 'x' }, profileNamed('rabbitmq-4')), 'selectors'],
      [
        'rabbitmq-4',
        () => resolveSource({ queue: 'q', distributionMode: 'copy' }, profileNamed('rabbitmq-4')),
        'browsing',
      ],
      ['rabbitmq-3', () => resolveSource({ queue: 'q', streamOffset: 'first' }, profileNamed('rabbitmq-3')), 'streams'],
      ['activemq', () => resolveSource({ queue: 'q', priority: 1 }, profileNamed('activemq')), 'priorities'],
      ['rabbitmq-4', () => resolveSource({ queue: 'q', noLocal: true }, profileNamed('rabbitmq-4')), 'no-local'],
      [
        'activemq',
        () => resolveSource({ topic: 't', shared: 'global', linkName: 'l' }, profileNamed('activemq')),
        'shared subscriptions',
      ],
      ['rabbitmq-4', () => resolveSource({ topic: 't' }, profileNamed('rabbitmq-4')), 'declare a queue and bind it'],
      [
        'rabbitmq-3',
        () => resolveSource({ topic: 't', durable: 'unsettled-state', linkName: 'l' }, profileNamed('rabbitmq-3')),
        'durable subscriptions',
      ],
    ];
    for (const [profile, call, what] of cases) {
      const error = thrown(LinkError, call);
      expect(error.message).toContain(what);
      expect(error.message).toContain(profile);
      expect(error.retryable).toBe(false);
    }
  });

  it('is mandatory for queues and not for exchanges and topics, unless it says so', () => {
    const mandatory = (target: Target): boolean => resolveTarget(target, profileNamed('rabbitmq-4')).mandatory;
    expect([mandatory('q'), mandatory('/queues/q'), mandatory(null)]).toEqual([true, true, true]);
    expect([mandatory({ exchange: 'e' }), mandatory({ topic: 't' }), mandatory('/exchanges/e/k')]).toEqual([
      false,
      false,
      false,
    ]);
    expect([mandatory({ exchange: 'e', mandatory: true }), mandatory({ queue: 'q', mandatory: false })]).toEqual([
      true,
      false,
    ]);
  });

  it.each<[ProfileName, string, boolean]>([
    ['rabbitmq-4', '/exchanges/e/k', false],
    ['rabbitmq-3', '/exchange/e/k', false],
    ['rabbitmq-3', '/topic/k', false],
    ['rabbitmq-3', '/amq/queue/q', true],
    ['activemq', 'topic://news', false],
    ['activemq', 'queue://orders', true],
    ['qpid', 'amq.topic/news', false],
    ['qpid', 'orders', true],
    ['generic', 'topic://news', false],
  ])('%s: an address on the wire, %j, is mandatory: %s', (profile, address, expected) => {
    expect(resolveTarget({ address }, profileNamed(profile)).mandatory).toBe(expected);
  });

  it('has a name for people', () => {
    const targets: readonly Target[] = [
      null,
      'q',
      { queue: 'q' },
      { exchange: 'e', routingKey: 'k' },
      { dynamic: true },
    ];
    expect(targets.map(describeTarget)).toEqual(['anonymous', 'q', 'q', 'e/k', 'dynamic']);
    expect(describeSource({ topic: 't' })).toBe('t');
  });

  it('tells a queue from everything else', () => {
    expect(['q', '/queues/q', null, { queue: 'q' }, { topic: 't' }].map((target) => queueOf(target as Target))).toEqual(
      ['q', undefined, undefined, 'q', undefined],
    );
  });
});

describe('the profile of a peer', () => {
  const open = (product?: string, version?: string): PeerOpen => ({
    containerId: 'c',
    maxFrameSize: 512,
    channelMax: 0,
    idleTimeoutMs: undefined,
    properties: { product, version },
    offeredCapabilities: [],
  });

  it.each<[string | undefined, string | undefined, string, ProfileName]>([
    ['RabbitMQ', '4.0.5', 'h', 'rabbitmq-4'],
    ['RabbitMQ', '3.10.8', 'h', 'rabbitmq-3'],
    ['ActiveMQ', '5.17.6', 'h', 'activemq'],
    ['apache-activemq-artemis', '2.40.0', 'h', 'artemis'],
    ['Qpid Broker-J', '9.2.0', 'h', 'qpid'],
    ['qpid-dispatch-router', '1.0', 'h', 'generic'],
    [undefined, undefined, 'ns.servicebus.windows.net', 'azure'],
    [undefined, undefined, 'servicebus.windows.net.evil.example', 'generic'],
    [undefined, undefined, 'h', 'generic'],
  ])('%s %s on %s is %s', (product, version, host, profile) => {
    expect(detectPeer(open(product, version), host, 'auto').profile.name).toBe(profile);
  });

  it('is the one of the options, whatever the peer says', () => {
    expect(detectPeer(open('RabbitMQ', '4.0.5'), 'h', 'generic').profile.name).toBe('generic');
  });

  it('knows from which version on RabbitMQ has direct replies', () => {
    const replies = (version: string): string => detectPeer(open('RabbitMQ', version), 'h', 'auto').profile.replies;
    expect([replies('4.1.9'), replies('4.2.0'), replies('4.10.0'), replies('5.0.0')]).toEqual([
      'exclusive-queue',
      'direct-reply-to',
      'direct-reply-to',
      'direct-reply-to',
    ]);
  });

  it('exists under each of its names', () => {
    expect(PROFILE_NAMES.map((name) => profileNamed(name).name)).toEqual(PROFILE_NAMES);
  });
});
