import { afterEach, describe, expect, it } from '@jest/globals';
import type { Source } from '../../../../lib/client/address/address.js';
import { ReceiveClient } from '../../../../lib/client/receive/receive-client.js';
import { resolveReceiveClientOptions } from '../../../../lib/client/receive/receive-client-options.js';
import { Described, LinkError, type AmqpMessage, type Terminus } from '../../../../lib/protocol/index.js';
import { fakeContext, settle, type FakeContext, type FakeReceiverLink } from '../../../support/client/fake-links.js';

const clients: ReceiveClient[] = [];
afterEach(() => Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 0 }))));

function make(source: Source, fake: FakeContext): ReceiveClient {
  const client = new ReceiveClient(fake.context, source, resolveReceiveClientOptions());
  clients.push(client);
  return client;
}

describe('filters', () => {
  const source: Source = { queue: 'q', selector: 'x > 1', filters: { 'acme:y': new Described('acme:y', 1) } };

  it('that the peer confirms attach the link', async () => {
    const fake = fakeContext({ profile: 'activemq' });
    await make(source, fake).attach();
    expect(Object.keys(fake.links.receiver.source.filters ?? {})).toEqual(['acme:y', 'jms-selector']);
    expect(fake.links.receiver.isOpen).toBe(true);
  });

  it.each<[string, (given: Terminus) => Terminus, string]>([
    [
      'one',
      ({ filters, ...given }) => ({ ...given, filters: { 'jms-selector': filters?.['jms-selector'] } }),
      'acme:y',
    ],
    ['all', ({ filters: _filters, ...given }) => given, 'acme:y, jms-selector'],
    ['the whole source', () => ({}), 'acme:y, jms-selector'],
  ])(
    'of which the peer leaves out %s are refused by name: it would let everything through',
    async (_, confirms, names) => {
      const fake = fakeContext({ profile: 'activemq' });
      fake.links.confirms = confirms;
      const attach = make(source, fake).attach();
      await expect(attach).rejects.toBeInstanceOf(LinkError);
      await expect(attach).rejects.toMatchObject({ retryable: false });
      await expect(attach).rejects.toThrow(`does not apply the filter ${names}`);
      expect(fake.links.receiver.events).toEqual(['detach closed']);
    },
  );

  it('that a peer leaves out which need not name them are a line in the log', async () => {
    const fake = fakeContext({ profile: 'azure' });
    fake.links.confirms = () => ({});
    const name = 'apache.org:selector-filter:string';
    const text = "amqp.annotation.x-opt-sequence-number > '41'";
    await make({ queue: 'q', filters: { [name]: new Described(name, text) } }, fake).attach();
    expect(fake.logged).toEqual([`"q": as far as can be told the peer does not apply the filter ${name}`]);
  });
});

describe('a shared subscription', () => {
  const shared = { topic: 'news', shared: 'global', linkName: 'mail' } as const;

  it('has one name for all its links, told apart by what follows a bar, and the same again after a loss', async () => {
    const fake = fakeContext({ profile: 'artemis' });
    const client = make(shared, fake);
    client.subscribe(() => undefined);
    client.subscribe(() => undefined);
    await settle();
    fake.links.current.lose();
    await fake.links.current.attach();
    const names = fake.links.receivers.map(({ name }) => name);
    expect(names.every((name) => /^mail\|./.test(name))).toBe(true);
    expect(names[0]).not.toBe(names[1]);
    expect(names[2]).toBe(names[1]);
    expect(fake.links.receiver.source.capabilities).toEqual(['topic', 'shared', 'global']);
  });

  it('ends at the peer with its last link, unless it is durable', async () => {
    for (const [durable, end] of [
      [{}, 'detach closed'],
      [{ durable: 'unsettled-state', expiryPolicy: 'never' }, 'detach'],
    ] as const) {
      const fake = fakeContext({ profile: 'artemis' });
      const client = make({ ...shared, ...durable }, fake);
      await client.attach();
      await client.close();
      expect(fake.links.receiver.events.at(-1)).toBe(end);
    }
  });
});

describe('a stream', () => {
  const at = (offset: number): Partial<AmqpMessage> => ({ messageAnnotations: { 'x-stream-offset': offset } });
  const offsetOf = (link: FakeReceiverLink): unknown => {
    const filter = link.source.filters?.['rabbitmq:stream-offset-spec'];
    return filter instanceof Described ? filter.value : undefined;
  };

  it('is read on from the first message that was not settled when the link was lost', async () => {
    const fake = fakeContext({ profile: 'rabbitmq-4' });
    const client = make({ queue: 'log', streamOffset: 'first' }, fake);
    const received = client.receiveBatch({ maxMessages: 4, waitMs: 1_000 });
    await settle();
    const { links } = fake;
    expect(offsetOf(links.receiver)).toBe('first');
    for (const offset of [10, 11, 12, 13]) links.receiver.deliverJson(offset, at(offset));
    const [first, , third] = await received;
    await Promise.all([first?.accept(), third?.accept()]);
    links.current.lose();
    await links.current.attach();
    expect(offsetOf(links.receiver)).toBe(11n);
    links.current.lose();
    await links.current.attach();
    expect(offsetOf(links.receiver)).toBe(11n);
  });

  it('without an offset is found out by what the queue is, and read on behind what was handled', async () => {
    const queues = {
      inspect: async () => ({ type: 'stream' as const, deadLetters: undefined }),
      declare: async () => undefined,
    };
    const fake = fakeContext({ profile: 'rabbitmq-4', queues });
    const client = make('log', fake);
    client.subscribe(() => undefined);
    await settle();
    const { links } = fake;
    expect(offsetOf(links.receiver)).toBeUndefined();
    for (let offset = 0; offset < 300; offset++) {
      links.receiver.deliverJson(offset, at(offset));
      if (offset % 10 === 9) await settle();
    }
    links.current.lose();
    await links.current.attach();
    expect(offsetOf(links.receiver)).toBe(300n);
  });

  it('has nothing that recover() could give back: it would not come again', async () => {
    const fake = fakeContext({ profile: 'rabbitmq-4' });
    const client = make({ queue: 'log', streamOffset: 'first' }, fake);
    const received = client.receiveBatch({ maxMessages: 1, waitMs: 1_000 });
    await settle();
    const fetching = fake.links.receiver;
    for (const offset of [1, 2]) fetching.deliverJson(offset, at(offset));
    await received;
    const subscription = client.subscribe(() => new Promise(() => undefined), { concurrency: 1 });
    await settle();
    const handled = fake.links.receiver;
    for (const offset of [1, 2]) handled.deliverJson(offset, at(offset));
    expect([await client.recover(), await subscription.recover()]).toEqual([0, 0]);
    expect([...fetching.outcomes, ...handled.outcomes]).toEqual([undefined, undefined, undefined, undefined]);
    expect(await client.get()).toMatchObject({ body: 2 });
  });

  it('keeps what nobody has seen while a subscription is paused or a loop was left: it would not come again', async () => {
    const fake = fakeContext({ profile: 'rabbitmq-4' });
    const client = make({ queue: 'log', streamOffset: 'first' }, fake);
    const ends: (() => void)[] = [];
    const seen: unknown[] = [];
    const subscription = client.subscribe(
      ({ body }) => {
        seen.push(body);
        return new Promise<void>((resolve) => ends.push(resolve));
      },
      { concurrency: 1, prefetch: 3 },
    );
    await settle();
    for (const offset of [0, 1, 2]) fake.links.receiver.deliverJson(offset, at(offset));
    await subscription.pause();
    expect(fake.links.receiver.outcomes).toEqual([undefined, undefined, undefined]);
    await subscription.resume();
    for (let n = 0; n < 3; n++) {
      ends.shift()?.();
      await settle();
    }
    expect([seen, fake.links.receiver.outcomes]).toEqual([
      [0, 1, 2],
      ['accepted', 'accepted', 'accepted'],
    ]);
    const loop = client[Symbol.asyncIterator]();
    const first = loop.next();
    await settle();
    for (const offset of [3, 4]) fake.links.receiver.deliverJson(offset, at(offset));
    await first;
    await loop.return?.();
    expect(await client.get()).toMatchObject({ body: 4 });
  });
});
