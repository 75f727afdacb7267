import { afterEach, describe, expect, it } from '@jest/globals';
import type { Source } from '../../../../lib/client/address/address.js';
import { ReceiveClient } from '../../../../lib/client/receive/receive-client.js';
import { resolveReceiveClientOptions } from '../../../../lib/client/receive/receive-client-options.js';
import { Described, LinkError, type Terminus } from '../../../../lib/protocol/index.js';
import { fakeContext, settle, type FakeContext } from '../../../support/client/fake-links.js';

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
