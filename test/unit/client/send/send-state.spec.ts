import { afterEach, describe, expect, it } from '@jest/globals';
import type { Target } from '../../../../lib/client/address/address.js';
import { ClientClosedError, EncodeError, SendError } from '../../../../lib/client/errors.js';
import { createMessage } from '../../../../lib/client/message/create-message.js';
import type { SendOptions } from '../../../../lib/client/message/send-options.js';
import { ErrorPolicy } from '../../../../lib/client/send/error-policy.js';
import { resolveSendClientOptions, type SendClientOptions } from '../../../../lib/client/send/send-client-options.js';
import { SendClient } from '../../../../lib/client/send/send-client.js';
import { ACCEPTED, ConnectionError, LinkError } from '../../../../lib/protocol/index.js';
import { fakeContext, settle, type FakeContext } from '../../../support/client/fake-links.js';

interface Made extends FakeContext {
  readonly client: SendClient;
}

const made: SendClient[] = [];
afterEach(() => Promise.all(made.splice(0).map((client) => client.close({ timeoutMs: 0 }))));

function make(
  options: SendClientOptions = {},
  setup: { target?: Target } & Parameters<typeof fakeContext>[0] = {},
): Made {
  const fake = fakeContext(setup);
  const client = new SendClient(fake.context, setup.target ?? 'orders', resolveSendClientOptions(options));
  made.push(client);
  return { ...fake, client };
}

describe('the state of a send client', () => {
  it('follows its link: idle, attaching, attached, lost, refused, and closed for ever', async () => {
    const { client, links } = make();
    links.attachesAtOnce = false;
    expect([client.state, client.link]).toEqual(['idle', undefined]);
    const attaching = client.attach();
    expect(client.state).toBe('attaching');
    await links.current.attach();
    await attaching;
    expect(client.state).toBe('attached');
    expect(client.link).toMatchObject({ credit: 1_000, properties: {}, offeredCapabilities: [] });
    links.current.lose(new ConnectionError('connection-lost', 'gone'));
    expect([client.state, client.link]).toEqual(['lost', undefined]);
    links.current.refuse(new LinkError('no', 'orders', 'l'));
    expect(client.state).toBe('refused');
    await client.close();
    expect(client.state).toBe('closed');
    await expect(client.attach()).rejects.toBeInstanceOf(ClientClosedError);
  });

  it('is failed when the attach was refused, which attach() rejects with; the next one tries anew', async () => {
    const { client, links } = make();
    links.attachesAtOnce = false;
    const attaching = client.attach();
    const refusal = new LinkError('no such queue', 'orders', 'l', { condition: 'amqp:not-found' });
    links.current.fail(refusal);
    await expect(attaching).rejects.toBe(refusal);
    expect(client.state).toBe('failed');
    links.attachesAtOnce = true;
    await client.attach();
    expect(client.state).toBe('attached');
  });

  it("tells the peer's limit, and its credit as it is used up", async () => {
    const { client, links } = make({}, { target: 'orders' });
    links.maxMessageSize = 5_000;
    links.credit = 3;
    await client.attach();
    expect(client.link).toMatchObject({ maxMessageBytes: 5_000, credit: 3 });
    const sent = client.send('x');
    expect(client.link?.credit).toBe(2);
    links.sender.answer(ACCEPTED);
    await sent;
  });
});

describe('pending messages', () => {
  it('say how far each is, and whether the peer may have it', async () => {
    const { client, links } = make({ errorPolicy: new ErrorPolicy({ onError: { retry: true, backoffMs: 60_000 } }) });
    await client.attach();
    links.sender.credit = 2;
    client.queueMessage('held', { subject: 'held' });
    const sends = ['retrying', 'sent', 'waiting'].map((subject) => {
      return client.send(subject, { subject }).catch((error: unknown) => error);
    });
    links.sender.answer({ kind: 'rejected', condition: 'app:busy' });
    const states = (): unknown[] => client.pending.map(({ message, ...facts }) => [message.properties?.subject, facts]);
    expect(states()).toEqual([
      ['held', { state: 'held', attempts: 0, inDoubt: false }],
      ['retrying', { state: 'retrying', attempts: 1, inDoubt: false }],
      ['sent', { state: 'sent', attempts: 1, inDoubt: true }],
      ['waiting', { state: 'waiting', attempts: 0, inDoubt: false }],
    ]);
    links.current.lose(new ConnectionError('connection-lost', 'gone'));
    expect(states().slice(2)).toEqual([
      ['sent', { state: 'retrying', attempts: 1, inDoubt: true }],
      ['waiting', { state: 'waiting', attempts: 0, inDoubt: false }],
    ]);
    expect(client.pendingMessages).toEqual(client.pending.map(({ message }) => message));
    await client.close({ timeoutMs: 0 });
    expect(await Promise.all(sends)).toMatchObject([
      { code: 'client-closed', delivered: 'no' },
      { code: 'client-closed', delivered: 'unknown' },
      { code: 'client-closed', delivered: 'no' },
    ]);
  });

  it('that were only queued are there after close, and go out on another client under the same id', async () => {
    const { client } = make();
    client.queueMessage('a');
    client.queueMessage('b', { messageId: 'mine' });
    await client.close();
    const kept = client.pendingMessages;
    expect(client.pending.map(({ state }) => state)).toEqual(['held', 'held']);
    const other = make();
    for (const message of kept) other.client.queueMessage(message);
    const sent = other.client.sendAllMessages();
    await settle();
    other.links.sender.answerAll(ACCEPTED);
    expect((await sent).map(({ ok }) => ok)).toEqual([true, true]);
    const ids = other.links.sender.written.map(({ properties }) => properties?.messageId);
    expect(ids).toEqual(kept.map(({ properties }) => properties?.messageId));
    expect(ids[1]).toBe('mine');
  });
});

describe('a single message the other way', () => {
  it("with settleMode 'mixed' is pre-settled where the send says so, and only there", async () => {
    const { client, links } = make({ settleMode: 'mixed' });
    await client.attach();
    expect(links.sender.settleMode).toBe('mixed');
    await expect(client.send('fast', { settled: true })).resolves.toEqual({
      ok: true,
      messageId: expect.any(String),
      routed: true,
      attempts: 1,
    });
    const sure = client.send('sure');
    const said = client.send('said', { settled: false });
    expect(links.sender.unsettled).toHaveLength(2);
    links.sender.answerAll(ACCEPTED);
    expect(await Promise.all([sure, said])).toMatchObject([{ outcome: ACCEPTED }, { outcome: ACCEPTED }]);
  });

  it.each<['unsettled' | 'settled', boolean]>([
    ['unsettled', true],
    ['settled', false],
  ])('is refused by a client of settleMode %s', async (settleMode, settled) => {
    const { client } = make({ settleMode });
    await expect(client.send('x', { settled })).rejects.toThrow("needs a client of settleMode 'mixed'");
  });
});

describe('what a peer would end the session over', () => {
  const check = async (
    profile: 'rabbitmq-4' | 'rabbitmq-3' | 'activemq',
    sections: SendOptions,
    options: SendClientOptions = {},
  ): Promise<string> => {
    const { client, links } = make(options, { profile });
    Object.assign(links, { user: 'guest' });
    await client.attach();
    const sent = client.send('x', sections).then(
      () => 'sent',
      (error: unknown) => (error instanceof SendError ? `${error.code}: ${error.message}` : String(error)),
    );
    await settle();
    if (links.sender.unsettled.length > 0) links.sender.answer(ACCEPTED);
    return sent;
  };

  it.each<[string, 'rabbitmq-4' | 'rabbitmq-3' | 'activemq', SendOptions, string]>([
    [
      'an annotation of no x-',
      'rabbitmq-4',
      { messageAnnotations: { 'x-a': 1, key: 1 } },
      "the key 'key' of messageAnnotations must start with 'x-'",
    ],
    [
      'a delivery annotation of no x-',
      'rabbitmq-4',
      { deliveryAnnotations: { key: 1 } },
      "the key 'key' of deliveryAnnotations must",
    ],
    [
      'annotations of x-',
      'rabbitmq-4',
      { messageAnnotations: { 'x-a': 1 }, deliveryAnnotations: { 'x-b': 1 } },
      'sent',
    ],
    ['a footer, which it takes', 'rabbitmq-4', { footer: { key: 1 } }, 'sent'],
    ['an annotation of no x-', 'activemq', { messageAnnotations: { key: 1 } }, 'sent'],
    ['a delivery annotation', 'rabbitmq-3', { deliveryAnnotations: { 'x-a': 1 } }, 'not-supported: '],
    ["another's name", 'rabbitmq-4', { userId: 'other' }, 'encode: a send to "orders" failed: userId must be the name'],
    ['its own name', 'rabbitmq-4', { userId: 'guest' }, 'sent'],
    ["another's name", 'rabbitmq-3', { userId: 'other' }, 'userId must be the name'],
    ["another's name", 'activemq', { userId: 'other' }, 'sent'],
  ])('is refused here: %s on %s', async (_name, profile, sections, words) => {
    expect(await check(profile, sections)).toContain(words);
  });

  it('another name is sent where the login may name others', async () => {
    expect(await check('rabbitmq-4', { userId: 'other' }, { impersonate: true })).toBe('sent');
  });

  it('costs only the message itself', async () => {
    const { client, links } = make({}, { profile: 'rabbitmq-4' });
    await client.attach();
    const refused = client.send('x', { messageAnnotations: { key: 1 } });
    await expect(refused).rejects.toBeInstanceOf(EncodeError);
    expect(links.sender.isOpen).toBe(true);
    const sent = client.send(createMessage({ messageAnnotations: { 'x-key': 1 }, body: 'y' }));
    links.sender.answer(ACCEPTED);
    await expect(sent).resolves.toMatchObject({ ok: true });
  });
});

describe('the target of a send client', () => {
  it('gives its capabilities and properties to the link', async () => {
    const target = {
      queue: 'orders',
      capabilities: ['queue'],
      desiredCapabilities: ['shared'],
      offeredCapabilities: ['delayed'],
      linkProperties: { 'x-opt-a': 1 },
    };
    const { client, links } = make({}, { target });
    await client.attach();
    expect(links.sender.options).toMatchObject({
      target: { capabilities: ['queue'] },
      desiredCapabilities: ['shared'],
      offeredCapabilities: ['delayed'],
      properties: { 'x-opt-a': 1 },
    });
  });
});
