import { afterEach, describe, expect, it } from '@jest/globals';
import { gunzipSync } from 'node:zlib';
import {
  BatchSendError,
  EncodeError,
  MessageTooLargeError,
  SendQueueFullError,
} from '../../../../lib/client/errors.js';
import type { Observer } from '../../../../lib/client/observer/observer.js';
import { createMessage } from '../../../../lib/client/message/create-message.js';
import { decodeMessage } from '../../../../lib/client/message/message-bytes.js';
import type { ProfileName } from '../../../../lib/client/profile/peer-profile.js';
import type { SendOptions } from '../../../../lib/client/message/send-options.js';
import { packBatch } from '../../../../lib/client/send/batch-parts.js';
import { resolveSendClientOptions, type SendClientOptions } from '../../../../lib/client/send/send-client-options.js';
import { SendClient } from '../../../../lib/client/send/send-client.js';
import type { SendResult } from '../../../../lib/client/send/send-result.js';
import { allSent } from '../../../../lib/client/send/send-results.js';
import {
  ACCEPTED,
  decodeDataSections,
  LinkError,
  type AmqpMessage,
  type Outcome,
} from '../../../../lib/protocol/index.js';
import { eventually } from '../../../support/eventually.js';
import { fakeContext, settle, type FakeContext } from '../../../support/client/fake-links.js';

interface Made extends FakeContext {
  readonly client: SendClient;
}

const made: SendClient[] = [];
afterEach(() => Promise.all(made.splice(0).map((client) => client.close({ timeoutMs: 0 }))));

function make(
  options: SendClientOptions = {},
  maxMessageSize?: number,
  profile: ProfileName = 'embedded',
  observers: Observer[] = [],
): Made {
  const fake = fakeContext({ profile, observers });
  fake.links.maxMessageSize = maxMessageSize;
  const client = new SendClient(fake.context, 'orders', resolveSendClientOptions(options));
  made.push(client);
  return { ...fake, client };
}

async function attached(options: SendClientOptions = {}, maxMessageSize?: number): Promise<Made> {
  const all = make(options, maxMessageSize);
  await all.client.attach();
  return all;
}

/** The messages in the data sections of what was written. */
function inner(payload: Buffer | undefined): AmqpMessage[] {
  return decodeDataSections(payload ?? Buffer.alloc(0), 0, payload?.length ?? 0).map((bytes) => decodeMessage(bytes));
}

const rejected: Outcome = { kind: 'rejected', condition: 'app:no', description: 'not today', info: { at: 'noon' } };

describe('a batch message', () => {
  it.each<[ProfileName, string, unknown]>([
    ['embedded', 'x-opt-delivery-delay', 1_500],
    ['azure', 'x-opt-scheduled-enqueue-time', expect.any(Date)],
  ])(
    'is delayed on %s message by message: a peer that takes it apart drops the whole',
    async (profile, name, value) => {
      const { client, links } = make({}, undefined, profile);
      const sent = client.sendBatchMessage(
        ['a', createMessage({ body: 'b', messageAnnotations: { 'x-opt-key': 'k' } })],
        {
          delayMs: 1_500,
        },
      );
      await eventually('it is written', () => links.supervised.length > 0 && links.sender.payloads.length > 0);
      links.sender.answer(ACCEPTED);
      await sent;
      const annotations = inner(links.sender.payloads[0]).map(({ messageAnnotations }) => messageAnnotations);
      expect(annotations).toEqual([{ [name]: value }, { 'x-opt-key': 'k', [name]: value }]);
    },
  );

  it('is one transfer of message-format 0x80013700, whose options stand on each message and on the whole', async () => {
    const { client, links } = await attached();
    const sent = client.sendBatchMessage([{ a: 1 }, 'b'], {
      messageId: 'whole',
      subject: 's',
      applicationProperties: { tenant: 't' },
      messageAnnotations: { 'x-opt-key': 'k' },
    });
    links.sender.answer(ACCEPTED);
    const result = await sent;
    expect(result).toMatchObject({ ok: true, messageId: 'whole', attempts: 1, transfers: [{ messageId: 'whole' }] });
    expect(links.sender.formats).toEqual([0x8001_3700]);
    const [written] = links.sender.written;
    expect(written).toMatchObject({ bodyType: 'data', messageAnnotations: { 'x-opt-key': 'k' } });
    expect(written?.properties).toMatchObject({ messageId: 'whole', subject: 's' });
    const [first, second] = inner(links.sender.payloads[0]);
    expect([String(first?.body), String(second?.body)]).toEqual(['{"a":1}', 'b']);
    expect(first?.properties?.messageId).not.toBe('whole');
    for (const message of [first, second])
      expect(message).toMatchObject({ properties: { subject: 's' }, applicationProperties: { tenant: 't' } });
  });

  it("is split at the peer's max-message-size, in order, and takes each value once", async () => {
    const limit = 2_000;
    const { client, links } = await attached({}, limit);
    let taken = 0;
    function* values(): Generator<string> {
      for (; taken < 40; taken++) yield `${taken}`.padStart(100, '.');
    }
    const sent = client.sendBatchMessage(values(), { messageId: 'm' });
    links.sender.answerAll(ACCEPTED);
    const { transfers, attempts } = await sent;
    expect(taken).toBe(40);
    expect(transfers.length).toBeGreaterThan(2);
    expect(attempts).toBe(transfers.length);
    expect(new Set(transfers.map(({ messageId }) => messageId)).size).toBe(transfers.length);
    const sizes = links.sender.payloads.map(({ length }) => length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(limit);
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(limit - 300);
    const bodies = links.sender.payloads.flatMap((payload) => inner(payload).map(({ body }) => String(body)));
    expect(bodies).toEqual(Array.from({ length: 40 }, (_, index) => `${index}`.padStart(100, '.')));
  });

  it('with values that fit into no transfer sends nothing and names them', async () => {
    const { client, links } = await attached({}, 1_000);
    const sent = client.sendBatchMessage(['a', Buffer.alloc(2_000), 'b', Buffer.alloc(3_000)]);
    await expect(sent).rejects.toBeInstanceOf(MessageTooLargeError);
    await expect(sent).rejects.toThrow(/value 1 \(\d+ bytes\), value 3 \(\d+ bytes\) cannot be sent alone/);
    await expect(sent).rejects.toMatchObject({ delivered: 'no', retryable: false });
    expect(links.sender.written).toEqual([]);
  });

  it('with a value that has no form sends nothing', async () => {
    const { client, links } = await attached();
    await expect(client.sendBatchMessage(['a', 1n])).rejects.toBeInstanceOf(EncodeError);
    await expect(client.sendBatchMessage([])).rejects.toThrow('at least one value');
    await expect(client.sendBatchMessage(['a'], { ttlMs: -1 })).rejects.toThrow('ttlMs');
    expect(links.sender.written).toEqual([]);
  });

  it.each<[string, SendClientOptions, SendOptions]>([
    ['the call', {}, { compress: 'gzip' }],
    ['the client by default', { defaults: { compress: 'gzip' } }, {}],
  ])('has the body of each message compressed where %s says so, and not the whole', async (_name, options, given) => {
    const { client, links } = await attached(options);
    const sent = client.sendBatchMessage([{ a: 1 }, 'b'], given);
    await eventually('the transfer', () => links.sender.written.length > 0);
    links.sender.answer(ACCEPTED);
    await expect(sent).resolves.toMatchObject({ ok: true });
    expect(links.sender.written[0]?.properties?.contentEncoding).toBeUndefined();
    const messages = inner(links.sender.payloads[0]);
    expect(messages.map(({ properties }) => properties?.contentEncoding)).toEqual(['gzip', 'gzip']);
    // True: a data section that was decoded without a codec.
    expect(messages.map(({ body }) => String(gunzipSync(body as Buffer)))).toEqual(['{"a":1}', 'b']);
  });

  it('with a value that cannot be compressed sends nothing', async () => {
    const { client, links } = await attached();
    const sent = client.sendBatchMessage(['a', createMessage({ body: 1 })], { compress: 'gzip' });
    await expect(sent).rejects.toBeInstanceOf(EncodeError);
    await expect(sent).rejects.toThrow('can be compressed');
    expect(links.sender.written).toEqual([]);
  });

  it('of endless values ends at maxPendingBytes', async () => {
    const { client } = await attached({ maxPendingBytes: 10_000 });
    let taken = 0;
    function* endless(): Generator<Buffer> {
      for (;;) {
        taken++;
        yield Buffer.alloc(1_000);
      }
    }
    await expect(client.sendBatchMessage(endless())).rejects.toBeInstanceOf(SendQueueFullError);
    expect(taken).toBeLessThan(11);
  });

  it('of one transfer fails as a send does, of several with what became of each', async () => {
    const { client, links } = await attached({}, 1_000);
    const one = client.sendBatchMessage(['a']);
    links.sender.answer(rejected);
    await expect(one).rejects.toMatchObject({ code: 'rejected', description: 'not today', info: { at: 'noon' } });
    const two = client.sendBatchMessage([Buffer.alloc(700), Buffer.alloc(700)]);
    links.sender.answer(ACCEPTED);
    links.sender.answer(rejected);
    const error: unknown = await two.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BatchSendError);
    expect(error).toMatchObject({
      delivered: 'unknown',
      results: [{ ok: true }, { ok: false, error: { code: 'rejected' } }],
    });
  });

  it('goes through a full queue whole, once it has begun', async () => {
    const { client, links } = await attached({ maxPendingMessages: 1 }, 1_000);
    const sent = client.sendBatchMessage([Buffer.alloc(700), Buffer.alloc(700), Buffer.alloc(700)]);
    for (let left = 3; left > 0; left--) {
      links.sender.answer(ACCEPTED);
      await settle();
    }
    await expect(sent).resolves.toMatchObject({ transfers: [{}, {}, {}] });
  });

  it.each<[string, (all: Made, stop: AbortController) => unknown, { readonly code: string }]>([
    [
      'the link is refused',
      ({ links }) => links.current.fail(new LinkError('no', 'orders', 'l')),
      { code: 'link-closed' },
    ],
    ['its signal is aborted', (_all, stop) => stop.abort(), { code: 'aborted' }],
    ['its time is over', () => undefined, { code: 'timeout' }],
    ['the client is closed', ({ client }) => client.close(), { code: 'client-closed' }],
  ])('waits for the link to learn the limit, and fails when %s', async (_name, event, facts) => {
    const all = make();
    all.links.attachesAtOnce = false;
    const stop = new AbortController();
    const timeoutMs = facts.code === 'timeout' ? 50 : 4_000;
    const sent = all.client.sendBatchMessage(['a'], { timeoutMs, signal: stop.signal });
    const caught = sent.catch((reason: unknown) => reason);
    await settle();
    event(all, stop);
    expect(await caught).toMatchObject({ ...facts, delivered: 'no' });
  });

  it('waits for the link to learn the limit, and keeps to it', async () => {
    const all = make({}, 1_000);
    all.links.attachesAtOnce = false;
    const sent = all.client.sendBatchMessage([Buffer.alloc(700), Buffer.alloc(700)]);
    await settle();
    await all.links.current.attach();
    await settle();
    all.links.sender.answerAll(ACCEPTED);
    await expect(sent).resolves.toMatchObject({ transfers: [{}, {}] });
  });
});

describe('a peer that does not keep batches whole', () => {
  it.each<[ProfileName, string]>([
    ['activemq', 'keeps its last message only'],
    ['rabbitmq-4', 'drops the message-format'],
    ['rabbitmq-3', 'drops the message-format'],
    ['qpid', 'refuses it'],
  ])('is sent none: %s', async (profile, words) => {
    const { client, links } = make({}, undefined, profile);
    const sent = client.sendBatchMessage(['a', 'b']);
    await expect(sent).rejects.toMatchObject({ code: 'not-supported', delivered: 'no' });
    await expect(sent).rejects.toThrow(words);
    expect(links.sender.written).toEqual([]);
  });
});

describe('packing', () => {
  const bytes = (...lengths: number[]): Buffer[] => lengths.map((length) => Buffer.alloc(length));
  it.each<[number, number[], number[][], number[]]>([
    [Infinity, [1, 1_000], [[1, 1_000]], []],
    [15, [5, 5], [[5], [5]], []],
    [20, [5, 5], [[5, 5]], []],
    [260, [255], [[255]], []],
    [260, [256], [], [0]],
    [264, [256], [[256]], []],
    [30, [5, 40, 5], [[5, 5]], [1]],
    [0, [0], [], [0]],
  ])('into transfers with room for %d bytes: %j -> %j, too large %j', (room, lengths, parts, tooLarge) => {
    const packed = packBatch(bytes(...lengths), room);
    expect(packed.parts.map((part) => part.map(({ length }) => length))).toEqual(parts);
    expect(packed.tooLarge).toEqual(tooLarge);
  });
});

describe('allSent', () => {
  it('gives the successes, or throws with all results and every failure as a cause', async () => {
    const { client, links } = await attached();
    const sent = client.sendBatch(['a', 'b', 'c', 'd']);
    await settle();
    for (const outcome of [ACCEPTED, rejected, ACCEPTED, { kind: 'rejected', condition: 'app:last' } as const])
      links.sender.answer(outcome);
    const results: SendResult[] = await sent;
    let thrown: unknown;
    try {
      allSent(results);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(BatchSendError);
    if (!(thrown instanceof BatchSendError)) return;
    expect(thrown).toMatchObject({
      code: 'batch',
      address: 'orders',
      condition: 'app:last',
      delivered: 'unknown',
      attempts: 4,
    });
    expect(thrown.results).toBe(results);
    expect(thrown.cause).toBeInstanceOf(AggregateError);
    expect((thrown.cause as AggregateError).errors).toHaveLength(2);
    expect(thrown.message).toMatch(/^2 of 4 messages failed: .*app:no.*; .*app:last/);
    expect(allSent(results.filter(({ ok }) => ok))).toHaveLength(2);
  });

  it('says that nothing was delivered only when nothing was', async () => {
    const { client, links } = await attached();
    const sent = client.sendBatch(['a', 'b']);
    await settle();
    links.sender.answer(rejected);
    links.sender.answer(rejected);
    const results = await sent;
    expect(new BatchSendError(results)).toMatchObject({ delivered: 'no', retryable: false });
  });
});

describe('observers of a batch message', () => {
  /** Marks each message, and writes down what became of it. */
  const marking = (): { observers: Observer[]; ends: [unknown, unknown, boolean][] } => {
    const ends: [unknown, unknown, boolean][] = [];
    let next = 0;
    const onSend = (): { token: number; applicationProperties: Record<string, unknown> } => {
      next++;
      return { token: next, applicationProperties: { mark: next } };
    };
    return {
      ends,
      observers: [{ onSend, onSent: (token, { messageId, ok }) => void ends.push([token, messageId, ok]) }],
    };
  };

  it('are told of each of its messages, and of its end with its own id; what they add is on each', async () => {
    const { ends, observers } = marking();
    const { client, links } = make({}, 220, 'embedded', observers);
    const ids = ['a', 'b', 'c'];
    const values = ids.map((messageId) =>
      createMessage({ body: 'x'.repeat(60), bodyType: 'value', properties: { messageId } }),
    );
    const sent = client.sendBatchMessage(values);
    await settle();
    await settle();
    expect(links.sender.payloads.length).toBeGreaterThan(1);
    const members = links.sender.payloads.flatMap((payload) => inner(payload));
    expect(members.map(({ applicationProperties }) => applicationProperties)).toEqual([
      { mark: 1 },
      { mark: 2 },
      { mark: 3 },
    ]);
    expect(links.sender.written.map(({ applicationProperties }) => applicationProperties?.['mark'])).not.toContain(4);
    links.sender.answer({ kind: 'accepted' });
    links.sender.answerAll(rejected);
    await expect(sent).rejects.toBeInstanceOf(BatchSendError);
    expect(ends[0]).toEqual([1, 'a', true]);
    expect(ends.at(-1)).toEqual([3, 'c', false]);
    expect(ends.map(([, id]) => id)).toEqual(ids);
  });

  it('are told of the end of each when one of them cannot be sent, and so none is', async () => {
    const { ends, observers } = marking();
    const { client } = make({}, 120, 'embedded', observers);
    await expect(client.sendBatchMessage(['a', 'x'.repeat(500)])).rejects.toBeInstanceOf(MessageTooLargeError);
    const unsendable = createMessage({ body: Symbol('x'), bodyType: 'value' });
    await expect(client.sendBatchMessage(['a', unsendable])).rejects.toBeInstanceOf(EncodeError);
    expect(ends.map(([token, , ok]) => [token, ok])).toEqual([1, 2, 3, 4].map((token) => [token, false]));
  });
});
