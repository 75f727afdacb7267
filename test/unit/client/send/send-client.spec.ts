import { randomBytes } from 'node:crypto';
import zlib from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Target } from '../../../../lib/client/address/address.js';
import { ClientClosedError, EncodeError, SendError, SendQueueFullError } from '../../../../lib/client/errors.js';
import { createMessage } from '../../../../lib/client/message/create-message.js';
import type { SendOptions } from '../../../../lib/client/message/send-options.js';
import { ErrorPolicy, type ErrorAction } from '../../../../lib/client/send/error-policy.js';
import { resolveSendClientOptions, type SendClientOptions } from '../../../../lib/client/send/send-client-options.js';
import { SendClient } from '../../../../lib/client/send/send-client.js';
import type { SendResult } from '../../../../lib/client/send/send-result.js';
import {
  ACCEPTED,
  ConnectionError,
  LinkDetachedError,
  LinkError,
  RELEASED,
  type Outcome,
} from '../../../../lib/protocol/index.js';
import type { Observer } from '../../../../lib/client/observer/observer.js';
import { LocalTransaction } from '../../../../lib/client/transaction/local-transaction.js';
import { fakeContext, settle, type FakeContext } from '../../../support/client/fake-links.js';

interface Made extends FakeContext {
  readonly client: SendClient;
}

const made: SendClient[] = [];

function make(
  options: SendClientOptions = {},
  setup: { target?: Target; attached?: boolean } & Parameters<typeof fakeContext>[0] = {},
): Made {
  const fake = fakeContext(setup);
  fake.links.attachesAtOnce = setup.attached ?? true;
  const target = setup.target === undefined ? 'orders' : setup.target;
  const client = new SendClient(fake.context, target, resolveSendClientOptions(options));
  made.push(client);
  return { ...fake, client };
}

/** A client with its link up. */
async function attached(options: SendClientOptions = {}, setup: Parameters<typeof make>[1] = {}): Promise<Made> {
  const all = make(options, setup);
  const first = all.client.send('first', setup.target === null ? { to: 'orders' } : {});
  await settle();
  if (all.links.sender.unsettled.length > 0) all.links.sender.answer(ACCEPTED);
  await first;
  all.links.sender.written.length = 0;
  return all;
}

async function failure(promise: Promise<unknown>): Promise<SendError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SendError)) throw new Error(`no SendError: ${String(error)}`);
  return error;
}

const modified = (undeliverableHere = false): Outcome => ({
  kind: 'modified',
  deliveryFailed: true,
  undeliverableHere,
});
const rejectedWith = (condition?: string): Outcome => ({ kind: 'rejected', condition });
const always = (action: ErrorAction): ErrorPolicy => new ErrorPolicy({ onError: () => action });

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] }));
afterEach(async () => {
  jest.useRealTimers();
  await Promise.all(made.splice(0).map((client) => client.close({ timeoutMs: 0 })));
});

describe('the outcome of a send', () => {
  it.each<[string, Outcome | undefined, Partial<SendError>]>([
    ['rejected', rejectedWith('app:no'), { code: 'rejected', delivered: 'no', condition: 'app:no', retryable: false }],
    ['rejected without a condition', rejectedWith(), { code: 'rejected', delivered: 'no', retryable: true }],
    ['released', RELEASED, { code: 'released', delivered: 'no', retryable: true }],
    ['modified, undeliverable here', modified(true), { code: 'modified', delivered: 'no', retryable: true }],
    ['no outcome at all', undefined, { code: 'unknown-outcome', delivered: 'unknown', retryable: false }],
  ])('is an error of its own when it is %s', async (_name, outcome, facts) => {
    const { client, links } = await attached();
    const sent = client.send({ a: 1 });
    links.sender.answer(outcome);
    const error = await failure(sent);
    expect(error).toMatchObject({ ...facts, address: 'orders', attempts: 1 });
    if (outcome !== undefined) expect(error.outcome).toEqual(outcome);
    expect(error.message).toContain('a send to "orders" failed: peer:5672');
  });

  it('is success when it is accepted', async () => {
    const { client, links } = await attached();
    const sent = client.send({ a: 1 }, { messageId: 'm1' });
    links.sender.answer(ACCEPTED);
    await expect(sent).resolves.toEqual({ ok: true, messageId: 'm1', outcome: ACCEPTED, routed: true, attempts: 1 });
  });

  it.each<[string, Target, SendOptions, boolean]>([
    ['an exchange', { exchange: 'events', routingKey: 'a' }, {}, true],
    ['a topic', { topic: 'events' }, {}, true],
    ['an exchange by its address', '/exchanges/events/a', {}, true],
    ['a queue', 'orders', {}, false],
    ['a queue with mandatory: false', { queue: 'orders', mandatory: false }, {}, true],
    ['a queue, not mandatory in the call', 'orders', { mandatory: false }, true],
    ['an exchange with mandatory: true', { exchange: 'events', mandatory: true }, {}, false],
    ['an exchange, mandatory in the call', { exchange: 'events' }, { mandatory: true }, false],
  ])('released is success, but not routed, for %s: %j %j -> %p', async (_name, target, options, isSuccess) => {
    const { client, links } = await attached({}, { target });
    const sent = client.sendBatch(['x'], options);
    await settle();
    links.sender.answer(RELEASED);
    const [result] = await sent;
    expect(result).toMatchObject(isSuccess ? { ok: true, routed: false } : { ok: false });
  });

  it('of a pre-settled send is that it was written', async () => {
    const { client, links } = make({ settleMode: 'settled' });
    const result = await client.send('x', { messageId: 'm' });
    expect(result).toEqual({ ok: true, messageId: 'm', routed: true, attempts: 1 });
    expect(links.sender.settleMode).toBe('settled');
  });

  it('reaches the right one of many, whatever the order of the outcomes', async () => {
    const { client, links } = await attached();
    const sent = Array.from({ length: 50 }, (_, index) => client.send(index, { messageId: `m${index}` }));
    const order = links.sender.unsettled.splice(0).toReversed();
    order.forEach((transfer, index) =>
      transfer.settled(index % 2 === 0 ? ACCEPTED : rejectedWith(`app:${49 - index}`)),
    );
    const results = await Promise.allSettled(sent);
    results.forEach((result, index) => {
      if (result.status === 'fulfilled') expect([index % 2, result.value.messageId]).toEqual([1, `m${index}`]);
      else expect(result.reason).toMatchObject({ condition: `app:${index}` });
    });
  });
});

describe('what cannot be sent', () => {
  it.each<[string, unknown, unknown, string]>([
    ['a value without a form', 1n, {}, 'is a bigint'],
    ['an option that does not exist', 'x', { persistent: true }, 'persistent must be left out'],
    ['an option of a wrong type', 'x', { ttlMs: -1 }, 'ttlMs must be a whole number'],
    ['options that are none', 'x', 'subject', 'must be an object'],
    ['an annotation without a form', 'x', { messageAnnotations: { f: () => 1 } }, 'messageAnnotations.f'],
  ])('%s is an EncodeError of that send, and the next one works', async (_name, value, options, words) => {
    const { client, links } = await attached();
    const error = await failure(client.send(value, options as SendOptions));
    expect(error).toBeInstanceOf(EncodeError);
    expect(error).toMatchObject({ code: 'encode', delivered: 'no', attempts: 0 });
    expect(error.message).toContain(words);
    const next = client.send('x');
    links.sender.answer(ACCEPTED);
    await expect(next).resolves.toMatchObject({ ok: true });
    expect(client.pendingMessages).toEqual([]);
  });

  it('on the anonymous target is what does not say where to', async () => {
    const { client } = await attached({}, { target: null });
    await expect(client.send('x')).rejects.toThrow("needs the option 'to'");
  });

  it('later than now is refused where the peer cannot hold it back, by the peer that connects', async () => {
    const { client } = await attached({}, { profile: 'rabbitmq-4' });
    const error = await failure(client.send('x', { delayMs: 500 }));
    expect(error).toMatchObject({ code: 'not-supported', delivered: 'no' });
    expect(error.message).toContain("profile 'rabbitmq-4'");
  });
});

describe('a message on the wire', () => {
  it('says on the anonymous target where it goes, in the form of the peer', async () => {
    const { client, links } = await attached({}, { target: null, profile: 'rabbitmq-4' });
    for (const to of ['orders new', '/exchanges/e/k', 'topic://t']) {
      const sent = client.send('x', { to });
      links.sender.answer(ACCEPTED);
      await sent;
    }
    expect(links.sender.written.map(({ properties }) => properties?.to)).toEqual([
      '/queues/orders%20new',
      '/exchanges/e/k',
      'topic://t',
    ]);
    expect(links.sender.target.address).toBeNull();
  });

  it.each([
    ['activemq', 'x-opt-delivery-delay', 500],
    ['azure', 'x-opt-scheduled-enqueue-time', new Date(10_500)],
  ] as const)('is delayed as %s wants it', async (profile, annotation, value) => {
    jest.setSystemTime(10_000);
    const { client, links } = await attached({}, { profile });
    void client.send('x', { delayMs: 500, messageAnnotations: { 'x-opt-a': 1 } }).catch(() => undefined);
    expect(links.sender.written[0]?.messageAnnotations).toEqual({ 'x-opt-a': 1, [annotation]: value });
  });

  it('has the defaults of its client under the options of the call', async () => {
    const { client, links } = await attached({ defaults: { subject: 'a', ttlMs: 5 } });
    void client.send('x', { subject: 'b' }).catch(() => undefined);
    expect(links.sender.written[0]).toMatchObject({ header: { ttl: 5, durable: true }, properties: { subject: 'b' } });
  });

  it('is in the order of the calls, across attach and lack of credit', async () => {
    const { client, links } = make({}, { attached: false });
    links.credit = 3;
    const sent = Array.from({ length: 600 }, (_, index) => client.send(index));
    await links.current.attach();
    links.sender.give(2);
    links.sender.give(1_000);
    await settle();
    expect(links.sender.written.map(({ body }) => Number(String(body)))).toEqual(
      Array.from({ length: 600 }, (_, i) => i),
    );
    links.sender.answerAll(ACCEPTED);
    await expect(Promise.all(sent)).resolves.toHaveLength(600);
  });

  it('carries the id of its transaction, and none may be over', async () => {
    const { client, links } = await attached();
    const id = Buffer.from('tx');
    const transaction = new LocalTransaction(id, links, true);
    void client.send('x', { transaction });
    await settle();
    expect(links.sender.unsettled[0]?.transactionId).toBe(id);
    transaction.ended('rolled-back', new Error('why not'));
    const late = await failure(client.send('x', { transaction }));
    expect(late).toMatchObject({ code: 'aborted', delivered: 'no' });
  });

  it('is refused in a transaction of another connection, and in one that is no transaction', async () => {
    const { client, links } = await attached();
    const foreign = new LocalTransaction(Buffer.from('tx'), {}, true);
    for (const transaction of [foreign, { id: Buffer.from('tx'), state: 'active', signal: foreign.signal } as const])
      expect(await failure(client.send('x', { transaction }))).toMatchObject({ code: 'encode' });
    expect(foreign.failure).toMatchObject({ code: 'encode' });
    expect(links.sender.written).toEqual([]);
  });
});

describe('the bounds of a send client', () => {
  it.each<[string, SendClientOptions, unknown]>([
    ['messages', { maxPendingMessages: 3 }, 'x'],
    ['bytes', { maxPendingBytes: 300 }, Buffer.alloc(100)],
  ])('refuse a send beyond them by %s, and let the next one in when there is room', async (_name, options, value) => {
    const { client, links } = await attached(options);
    links.sender.credit = 0;
    const sent = [1, 2, 3].map(() => client.send(value));
    const error = await failure(client.send(value));
    expect(error).toBeInstanceOf(SendQueueFullError);
    expect(error).toMatchObject({ code: 'queue-full', delivered: 'no', retryable: true });
    expect(error.message).toContain("whenFull: 'wait'");
    expect(client.pendingMessages).toHaveLength(3);
    let isReady = false;
    const ready = client.ready().then(() => (isReady = true));
    await settle();
    expect(isReady).toBe(false);
    links.sender.give(10);
    links.sender.answerAll(ACCEPTED);
    await Promise.all([...sent, ready]);
    const next = client.send(value);
    links.sender.answer(ACCEPTED);
    await next;
  });

  it('refuse for ever a message that is larger than all there may be', async () => {
    const { client } = await attached({ maxPendingBytes: 10, whenFull: 'wait' });
    const error = await failure(client.send('a longer text'));
    expect(error).toMatchObject({ code: 'queue-full', retryable: false });
  });

  it("let sends wait with whenFull: 'wait', in order, and only so many", async () => {
    const { client, links } = await attached({ maxPendingMessages: 1, whenFull: 'wait', maxWaitingSends: 2 });
    const sent = [1, 2, 3].map((value) => client.send(value));
    expect((await failure(client.send(4))).message).toContain('maxWaitingSends');
    expect(client.pendingMessages).toHaveLength(1);
    for (let round = 0; round < 3; round++) links.sender.answer(ACCEPTED);
    await Promise.all(sent);
    expect(links.sender.written.map(({ body }) => String(body))).toEqual(['1', '2', '3']);
  });

  it('let no smaller message pass one that waits for room', async () => {
    const { client, links } = await attached({ maxPendingBytes: 100, whenFull: 'wait' });
    const sent = [60, 61, 10].map((size) => client.send(Buffer.alloc(size)));
    expect(links.sender.written.map(({ body }) => (body as Buffer).length)).toEqual([60]);
    links.sender.answer(ACCEPTED);
    expect(links.sender.written.map(({ body }) => (body as Buffer).length)).toEqual([60, 61, 10]);
    links.sender.answerAll(ACCEPTED);
    await Promise.all(sent);
  });

  it('count a send that waits for room towards its time-out', async () => {
    const { client } = await attached({ maxPendingMessages: 1, whenFull: 'wait', sendTimeoutMs: 100 });
    const [first, second] = [failure(client.send(1)), failure(client.send(2))];
    jest.advanceTimersByTime(300);
    expect((await first).message).toContain('no outcome within 100 ms');
    expect((await second).message).toContain('no room in the queue within 100 ms');
  });

  it.each(['aborted', 'timed out'] as const)('let in who waits behind a send that was %s', async (end) => {
    const { client, links } = await attached({ maxPendingBytes: 100, whenFull: 'wait' });
    client.queueMessage(Buffer.alloc(60));
    const controller = new AbortController();
    const first = failure(client.send(Buffer.alloc(61), { signal: controller.signal, timeoutMs: 1_000 }));
    const second = client.send(Buffer.alloc(10));
    let isReady = false;
    const ready = client.ready().then(() => (isReady = true));
    expect(links.sender.written).toEqual([]);
    if (end === 'aborted') controller.abort();
    else jest.advanceTimersByTime(2_000);
    await first;
    expect(links.sender.written.map(({ body }) => (body as Buffer).length)).toEqual([10]);
    await settle();
    expect(isReady).toBe(true);
    links.sender.answerAll(ACCEPTED);
    await Promise.all([second, ready]);
  });

  it('hold against a million sends without credit', async () => {
    const { client, links } = await attached({ maxPendingMessages: 100 });
    links.sender.credit = 0;
    let refused = 0;
    for (let index = 0; index < 20_000; index++) client.send(index).catch(() => refused++);
    await settle();
    expect([client.pendingMessages.length, refused]).toEqual([100, 19_900]);
  });
});

describe('the time-out of a send', () => {
  it.each<[string, number, boolean, Partial<SendError>]>([
    ['a link', 0, false, { delivered: 'no' }],
    ['credit', 0, true, { delivered: 'no' }],
    ['outcome', 9, true, { delivered: 'unknown', attempts: 1 }],
  ])('says that no %s came, and whether the peer may have it', async (what, credit, isAttached, facts) => {
    const { client, links } = make({ sendTimeoutMs: 1_000 }, { attached: isAttached });
    links.credit = credit;
    const sent = failure(client.send('x'));
    await settle();
    jest.advanceTimersByTime(999);
    expect(client.pendingMessages).toHaveLength(1);
    jest.advanceTimersByTime(101);
    const error = await sent;
    expect(error).toMatchObject({ code: 'timeout', retryable: true, ...facts });
    expect(error.message).toContain(`no ${what.replace('a ', '')} within 1000 ms`);
    expect(client.pendingMessages).toEqual([]);
  });

  it('of the call wins, and a late outcome changes nothing', async () => {
    const { client, links } = await attached({ sendTimeoutMs: 10_000 });
    const sent = failure(client.send('x', { timeoutMs: 50 }));
    jest.advanceTimersByTime(200);
    expect(await sent).toMatchObject({ code: 'timeout', delivered: 'unknown' });
    links.sender.answer(ACCEPTED);
    const next = client.send('y');
    links.sender.answer(rejectedWith('app:y'));
    expect(await failure(next)).toMatchObject({ condition: 'app:y' });
  });

  it('is one deadline per send and leaves none behind', async () => {
    const { client, links, deadlines } = await attached();
    const sent = Array.from({ length: 100 }, () => client.send('x'));
    expect(deadlines.size).toBe(100);
    expect(jest.getTimerCount()).toBe(1);
    links.sender.answerAll(ACCEPTED);
    await Promise.all(sent);
    expect(deadlines.size).toBe(0);
  });
});

describe('the signal of a send', () => {
  it.each<[string, number, 'no' | 'unknown']>([
    ['before it is written', 0, 'no'],
    ['after it was written', 5, 'unknown'],
  ])('ends it %s', async (_name, credit, delivered) => {
    const { client, links, deadlines } = await attached();
    links.sender.credit = credit;
    const stop = new AbortController();
    const sent = client.send('x', { signal: stop.signal });
    stop.abort(new Error('enough'));
    const error = await failure(sent);
    expect(error).toMatchObject({ code: 'aborted', delivered, cause: new Error('enough') });
    expect([client.pendingMessages.length, deadlines.size]).toEqual([0, 0]);
    links.sender.give(5);
    expect(links.sender.written).toHaveLength(delivered === 'no' ? 0 : 1);
  });

  it('that was aborted before sends nothing', async () => {
    const { client, links } = await attached({ maxPendingMessages: 1 });
    expect(await failure(client.send('x', { signal: AbortSignal.abort() }))).toMatchObject({
      code: 'aborted',
      delivered: 'no',
    });
    expect(links.sender.written).toEqual([]);
    const next = client.send('y');
    links.sender.answer(ACCEPTED);
    await next;
  });

  it('hears nothing of sends that are over', async () => {
    const { client, links } = await attached();
    const stop = new AbortController();
    const removed = jest.spyOn(stop.signal, 'removeEventListener');
    const sent = client.send('x', { signal: stop.signal });
    links.sender.answer(ACCEPTED);
    await sent;
    expect(removed).toHaveBeenCalledTimes(1);
  });
});

describe('when the link is lost', () => {
  const lost = new ConnectionError('connection-lost', 'the socket closed');

  it('what was written is sent again with the same id and in order, and what was not is sent for the first time', async () => {
    const { client, links } = await attached();
    links.sender.credit = 2;
    const sent = [1, 2, 3, 4].map((value) => client.send(value));
    const ids = client.pendingMessages.map(({ properties }) => properties?.messageId);
    links.current.lose(lost);
    expect(client.pendingMessages).toHaveLength(4);
    await links.current.attach();
    expect(links.sender.written.map(({ properties }) => properties?.messageId)).toEqual(ids);
    links.sender.answerAll(ACCEPTED);
    expect((await Promise.all(sent)).map(({ attempts }) => attempts)).toEqual([2, 2, 1, 1]);
  });

  it("fails with onConnectionLost: 'fail' what was written, as unknown, and keeps what was not", async () => {
    const { client, links } = await attached({ onConnectionLost: 'fail' });
    links.sender.credit = 1;
    const written = client.send('x');
    const waiting = client.send('y');
    links.current.lose(lost);
    expect(await failure(written)).toMatchObject({ code: 'connection-lost', delivered: 'unknown', cause: lost });
    await links.current.attach();
    links.sender.answer(ACCEPTED);
    await expect(waiting).resolves.toMatchObject({ attempts: 1 });
  });

  it('what never left the process is not counted as a transfer, whatever onConnectionLost says', async () => {
    const { client, links } = await attached({ onConnectionLost: 'fail' });
    const sent = client.send('x');
    links.sender.unwritten = 1;
    links.current.lose(lost);
    await links.current.attach();
    links.sender.answer(ACCEPTED);
    await expect(sent).resolves.toMatchObject({ attempts: 1 });
  });

  it('and the peer closed the connection with a decode-error, as ActiveMQ does when it stops, what was written is sent again', async () => {
    const { client, links } = await attached({}, { profile: 'activemq' });
    const sent = client.send('x');
    links.current.lose(new ConnectionError('connection-lost', 'closed', { condition: 'amqp:decode-error' }));
    await links.current.attach();
    links.sender.answer(ACCEPTED);
    await expect(sent).resolves.toMatchObject({ attempts: 2 });
  });

  it('and another peer closed the connection with a decode-error, what was written fails', async () => {
    const { client, links } = await attached({}, { profile: 'rabbitmq-4' });
    const sent = failure(client.send('x'));
    links.current.lose(new ConnectionError('connection-lost', 'closed', { condition: 'amqp:decode-error' }));
    expect(await sent).toMatchObject({ code: 'connection-lost', condition: 'amqp:decode-error' });
  });

  it('and the link alone ended with a decode-error, what was written fails', async () => {
    const { client, links } = await attached({}, { profile: 'activemq' });
    const sent = failure(client.send('x'));
    links.current.lose(new LinkDetachedError('detached', 'orders', 'l', { condition: 'amqp:decode-error' }));
    expect(await sent).toMatchObject({ code: 'link-closed', condition: 'amqp:decode-error', delivered: 'unknown' });
  });

  it('again and again, at most maxRetries are made', async () => {
    const { client, links } = await attached({ errorPolicy: new ErrorPolicy({ maxRetries: 2 }) });
    const sent = failure(client.send('x'));
    for (let round = 0; round < 3; round++) {
      links.current.lose(lost);
      await links.current.attach();
    }
    expect(await sent).toMatchObject({ code: 'connection-lost', delivered: 'unknown', attempts: 3 });
  });

  it('a verdict on the second transfer does not hide that the first may have arrived', async () => {
    const { client, links } = await attached();
    const sent = failure(client.send('x'));
    links.current.lose(lost);
    await links.current.attach();
    links.sender.answer(rejectedWith('app:no'));
    expect(await sent).toMatchObject({ code: 'rejected', delivered: 'unknown' });
  });

  it('the time-out goes on and tells of the loss', async () => {
    const { client, links } = await attached({ sendTimeoutMs: 500 });
    const sent = failure(client.send('x'));
    links.current.lose(lost);
    const later = failure(client.send('y'));
    jest.advanceTimersByTime(700);
    expect(await sent).toMatchObject({ code: 'timeout', delivered: 'unknown', cause: lost });
    expect(await later).toMatchObject({ code: 'timeout', delivered: 'no', cause: lost });
  });

  it.each<[string, boolean]>([
    ['amqp:link:detach-forced', true],
    ['amqp:internal-error', true],
    ['amqp:connection:forced', true],
    ['vendor:strange', true],
    ['amqp:not-found', true],
    ['amqp:resource-deleted', true],
    ['amqp:link:message-size-exceeded', false],
    ['amqp:not-allowed', false],
    ['amqp:precondition-failed', false],
    ['amqp:resource-limit-exceeded', false],
  ])('with %s, a written message is sent again: %p', async (condition, again) => {
    const { client, links } = await attached();
    const sent = client.send('x');
    links.current.lose(new LinkDetachedError('detached', 'orders', 'l', { condition }));
    if (!again) {
      expect(await failure(sent)).toMatchObject({ code: 'link-closed', condition, delivered: 'unknown' });
      return;
    }
    await links.current.attach();
    links.sender.answer(ACCEPTED);
    await expect(sent).resolves.toMatchObject({ attempts: 2 });
  });

  it('and refused from then on, everything fails with what the peer says', async () => {
    const { client, links } = await attached();
    const [written, waiting] = [failure(client.send('x')), failure(client.send('y'))];
    links.current.refuse(new LinkError('gone', 'orders', 'l', { condition: 'amqp:not-found' }));
    expect(await written).toMatchObject({ code: 'link-closed', condition: 'amqp:not-found', delivered: 'unknown' });
    expect(await waiting).toMatchObject({ code: 'link-closed', delivered: 'unknown' });
  });

  it('and refused, the policy may say to wait', async () => {
    const { client, links } = await attached({ errorPolicy: always({ retry: true }) });
    links.sender.credit = 0;
    const waiting = client.send('y');
    links.current.refuse(new LinkError('gone', 'orders', 'l', { condition: 'amqp:not-found' }));
    await links.current.attach();
    links.sender.answer(ACCEPTED);
    await expect(waiting).resolves.toMatchObject({ ok: true });
  });
});

describe('a link that cannot be had', () => {
  it('fails what waits for it, and the next send tries anew', async () => {
    const { client, links } = make({}, { attached: false });
    const sent = failure(client.send('x'));
    const refusal = new LinkError('"orders" was refused', 'orders', 'l', {
      condition: 'amqp:not-found',
      retryable: false,
    });
    links.current.fail(refusal);
    expect(await sent).toMatchObject({
      code: 'link-closed',
      delivered: 'no',
      condition: 'amqp:not-found',
      cause: refusal,
    });
    links.attachesAtOnce = true;
    const next = client.send('y');
    await settle();
    expect(links.supervised).toHaveLength(2);
    links.sender.answer(ACCEPTED);
    await expect(next).resolves.toMatchObject({ ok: true });
  });

  it.each(['never there', 'refused after it was lost', 'closed here'] as const)(
    'ends each send of a transaction once, and gives each its room back once: %s',
    async (how) => {
      const results: unknown[] = [];
      const observers = [{ onSent: (_token: unknown, result: SendResult) => void results.push(result.messageId) }];
      const { client, links } = make({ maxPendingMessages: 2 }, { attached: false, observers });
      const transaction = new LocalTransaction(Buffer.from('tx'), links, true);
      const sent = ['a', 'b'].map((messageId) => failure(client.send('x', { transaction, messageId })));
      const refusal = new LinkError('refused', 'orders', 'l', { condition: 'amqp:not-found', retryable: false });
      if (how === 'never there') links.current.fail(refusal);
      else if (how === 'refused after it was lost') links.current.refuse(refusal);
      else {
        const closed = client.close({ timeoutMs: 10 });
        await jest.advanceTimersByTimeAsync(20);
        await closed;
      }
      await Promise.all(sent);
      expect(results).toEqual(['a', 'b']);
      if (how === 'closed here') return;
      const next = new LocalTransaction(Buffer.from('next'), links, true);
      const more = [1, 2, 3].map((value) => failure(client.send(value, { transaction: next })));
      expect(await more[2]).toMatchObject({ code: 'queue-full' });
    },
  );

  it('because no connection comes fails what waits, and the next send wishes for it again', async () => {
    const { client, links } = make({}, { attached: false });
    const sent = failure(client.send('x'));
    links.current.giveUp(new ConnectionError('connect-failed', 'nobody listens'));
    expect(await sent).toMatchObject({ code: 'connection-lost', delivered: 'no' });
    links.attachesAtOnce = true;
    void client.send('y').catch(() => undefined);
    await settle();
    expect(links.supervised).toHaveLength(1);
    expect(links.sender.written).toHaveLength(1);
  });

  it('because the connection was closed says so', async () => {
    const { client, links } = await attached();
    const sent = failure(client.send('x'));
    links.current.fail(new ClientClosedError('the connection is closed'));
    expect(await sent).toMatchObject({ code: 'client-closed', delivered: 'unknown' });
  });
});

describe('the error policy', () => {
  it('by default sends a modified message again after a pause, at most three times', async () => {
    const { client, links } = await attached();
    const sent = failure(client.send('x'));
    for (let round = 0; round < 4; round++) {
      await settle();
      links.sender.answer(modified());
      jest.advanceTimersByTime(1_000);
    }
    expect(await sent).toMatchObject({ code: 'modified', attempts: 4 });
    expect(links.sender.written).toHaveLength(4);
  });

  it.each<[string, number]>([
    ['com.microsoft:server-busy', 4_000],
    ['com.microsoft:timeout', 2_000],
  ])('by default sends again what Azure rejects with %s, after the pause of its SDKs', async (condition, pauseMs) => {
    const { client, links } = await attached({}, { profile: 'azure' });
    const sent = client.send('x');
    links.sender.answer(rejectedWith(condition));
    jest.advanceTimersByTime(pauseMs - 1);
    expect(links.sender.unsettled).toHaveLength(0);
    jest.advanceTimersByTime(1);
    links.sender.answer(ACCEPTED);
    expect(await sent).toMatchObject({ ok: true, attempts: 2 });
  });

  it('says of a rejection for load, when all tries are over, that the same call may succeed later', async () => {
    const { client, links } = await attached({ errorPolicy: new ErrorPolicy({ maxRetries: 0 }) }, { profile: 'azure' });
    const sent = [failure(client.send('x')), failure(client.send('y'))];
    await settle();
    links.sender.answer(rejectedWith('com.microsoft:server-busy'));
    links.sender.answer(rejectedWith('amqp:precondition-failed'));
    expect(await Promise.all(sent)).toMatchObject([{ retryable: true }, { retryable: false }]);
  });

  it('is asked for each failure and may retry what the table would not', async () => {
    const asked: SendError[] = [];
    const onError = (error: SendError): ErrorAction => {
      asked.push(error);
      return { retry: true, backoffMs: 30 };
    };
    const { client, links } = await attached({ errorPolicy: new ErrorPolicy({ maxRetries: 2, onError }) });
    const sent = failure(client.send('x'));
    for (let round = 0; round < 3; round++) {
      links.sender.answer(rejectedWith('app:no'));
      jest.advanceTimersByTime(29);
      expect(links.sender.unsettled).toHaveLength(0);
      jest.advanceTimersByTime(1);
    }
    expect(await sent).toMatchObject({ attempts: 3 });
    expect(asked.map(({ code, attempts }) => [code, attempts])).toEqual([
      ['rejected', 1],
      ['rejected', 2],
      ['rejected', 3],
    ]);
  });

  it('may be one action for every failure, with a backoff that grows, of which each message has its own', async () => {
    const delays: number[] = [];
    const backoffMs = (failures: number): number => {
      delays.push(failures);
      return failures * 1_000;
    };
    const { client, links } = await attached({
      errorPolicy: new ErrorPolicy({ maxRetries: 2, onError: { retry: true, backoffMs } }),
    });
    const failing = failure(client.send('a'));
    links.sender.answer(rejectedWith('amqp:not-found'));
    const other = client.send('b');
    links.sender.answer(ACCEPTED);
    await other;
    for (const pause of [1_000, 2_000]) {
      jest.advanceTimersByTime(pause - 1);
      expect(links.sender.unsettled).toHaveLength(0);
      jest.advanceTimersByTime(1);
      links.sender.answer(rejectedWith('vendor:own'));
    }
    expect(await failing).toMatchObject({ attempts: 3, condition: 'vendor:own' });
    expect(delays).toEqual([1, 2]);
  });

  it('may retry without counting', async () => {
    const action = { retry: true, backoffMs: 0, incrementRetries: false };
    const { client, links } = await attached({
      errorPolicy: new ErrorPolicy({ maxRetries: 1, onError: () => action }),
    });
    const sent = client.send('x');
    for (let round = 0; round < 9; round++) links.sender.answer(RELEASED);
    links.sender.answer(ACCEPTED);
    await expect(sent).resolves.toMatchObject({ attempts: 10 });
  });

  it('leaves no timer behind when a send that waits for its next try ends', async () => {
    const onError = (): ErrorAction => ({ retry: true, backoffMs: 600_000 });
    const { client, links } = await attached({ errorPolicy: new ErrorPolicy({ onError }) });
    const stop = new AbortController();
    const sent = failure(client.send('x', { signal: stop.signal }));
    const before = jest.getTimerCount();
    links.sender.answer(RELEASED);
    expect(jest.getTimerCount()).toBe(before + 1);
    stop.abort();
    expect((await sent).code).toBe('aborted');
    expect(jest.getTimerCount()).toBe(before);
  });

  it('puts what it retries back to its place by the order of the calls', async () => {
    const backoffs = [10, 0];
    const onError = (): ErrorAction => ({ retry: true, backoffMs: backoffs.shift() ?? 0 });
    const { client, links } = await attached({ errorPolicy: new ErrorPolicy({ onError }) });
    const sent = [0, 1].map((value) => client.send(value));
    links.sender.credit = 0;
    links.sender.answer(RELEASED);
    jest.advanceTimersByTime(10);
    links.sender.answer(RELEASED);
    links.sender.written.length = 0;
    links.sender.give(2);
    expect(links.sender.written.map(({ body }) => String(body))).toEqual(['0', '1']);
    links.sender.answerAll(ACCEPTED);
    await Promise.all(sent);
  });

  it('may give up what the table would retry', async () => {
    const { client, links } = await attached({ errorPolicy: always({ retry: false }) });
    const sent = failure(client.send('x'));
    links.sender.answer(modified());
    expect(await sent).toMatchObject({ code: 'modified', attempts: 1 });
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['answers an impossible pause', () => ({ retry: true, backoffMs: -5 })],
  ])('that %s gives the message up, with a line in the log', async (_name, onError) => {
    const errorPolicy = new ErrorPolicy({ onError: onError as () => ErrorAction });
    const { client, links, logged } = await attached({ errorPolicy });
    const sent = failure(client.send('x'));
    links.sender.answer(modified());
    expect(await sent).toMatchObject({ code: 'modified' });
    expect(logged.join()).toContain('the errorPolicy of "orders" threw');
  });

  it('waits no longer than the time-out', async () => {
    const { client, links } = await attached({
      sendTimeoutMs: 1_000,
      errorPolicy: always({ retry: true, backoffMs: 60_000 }),
    });
    const sent = failure(client.send('x'));
    links.sender.answer(modified());
    jest.advanceTimersByTime(1_200);
    expect(await sent).toMatchObject({ code: 'timeout', delivered: 'no' });
    jest.advanceTimersByTime(60_000);
    expect(links.sender.written).toHaveLength(1);
  });

  it.each<[unknown, string]>([
    [{ maxRetries: -1 }, 'errorPolicy.maxRetries'],
    [{ onError: true }, 'errorPolicy.onError'],
    [{ onError: null }, 'errorPolicy.onError'],
    [{ onError: { retry: 'yes' } }, 'errorPolicy.onError.retry'],
    [{ onError: { retry: true, backoffMs: -1 } }, 'errorPolicy.onError.backoffMs'],
    [{ onError: { retry: true, backoff: 1 } }, 'errorPolicy.onError.backoff'],
    [{ retries: 3 }, 'errorPolicy.retries'],
  ])('%j is refused when it is made', (options, words) => {
    expect(() => new ErrorPolicy(options as object)).toThrow(words);
  });
});

describe('batches', () => {
  it('have a result for each value, in order, and none throws for the others', async () => {
    const { client, links } = await attached();
    const sent = client.sendBatch(['a', 1n, 'c', 'd'], (value, index) => {
      if (index === 2) throw new Error('no options');
      return { messageId: `m${String(value)}` };
    });
    await settle();
    links.sender.answer(ACCEPTED);
    links.sender.answer(rejectedWith('app:no'));
    const results = await sent;
    expect(results.map((result) => [result.ok, result.messageId])).toEqual([
      [true, 'ma'],
      [false, undefined],
      [false, undefined],
      [false, 'md'],
    ]);
    expect(results.map((result) => (result.ok ? undefined : result.error.code))).toEqual([
      undefined,
      'encode',
      'encode',
      'rejected',
    ]);
  });

  it('larger than the queue wait for room and take their values as they go', async () => {
    const { client, links } = await attached({ maxPendingMessages: 5, maxWaitingSends: 0 });
    let taken = 0;
    const values = function* (): Generator<number> {
      for (; taken < 100; taken++) yield taken;
    };
    const sent = client.sendBatch(values());
    await settle();
    expect(taken).toBeLessThan(10);
    for (let done = 0; done < 100; done++) {
      links.sender.answer(ACCEPTED);
      await settle();
    }
    const results = await sent;
    expect(results.filter(({ ok }) => ok)).toHaveLength(100);
  });

  it('as one message are one transfer of encoded messages', async () => {
    const { client, links } = await attached();
    const sent = client.sendBatchMessage([{ a: 1 }, 'b'], {
      messageId: 'whole',
      subject: 's',
      messageAnnotations: { 'x-opt-key': 'k' },
    });
    links.sender.answer(ACCEPTED);
    await expect(sent).resolves.toMatchObject({ messageId: 'whole' });
    expect(links.sender.formats.at(-1)).toBe(0x8001_3700);
    const [written] = links.sender.written;
    expect(written?.messageAnnotations).toEqual({ 'x-opt-key': 'k' });
    expect(written?.bodyType).toBe('data');
    await expect(client.sendBatchMessage([])).rejects.toThrow('at least one value');
    await expect(client.sendBatchMessage([1n])).rejects.toBeInstanceOf(EncodeError);
  });
});

describe('queueMessage and sendAllMessages', () => {
  it('hold messages until they are sent, in order, with a result for each', async () => {
    const { client, links } = await attached();
    const queued = ['a', 'b', 'c'].map((value) => client.queueMessage(value));
    expect(client.pendingMessages).toEqual(queued);
    expect(links.sender.written).toEqual([]);
    const sent = client.sendAllMessages();
    links.sender.answer(ACCEPTED);
    links.sender.answer(rejectedWith('app:no'));
    links.sender.answer(ACCEPTED);
    expect((await sent).map((result: SendResult) => result.ok)).toEqual([true, false, true]);
    await expect(client.sendAllMessages()).resolves.toEqual([]);
  });

  it.each<[string, SendOptions]>([
    ['as it is', {}],
    ['compressed', { compress: 'gzip' }],
  ])('send a copy of a large body, as the caller may write into his: %s', async (_how, options) => {
    const { client, links } = await attached();
    const large = randomBytes(40_000).toString('base64');
    const sent = [client.send(large, options)];
    client.queueMessage(large, options);
    void client.sendAllMessages();
    while (links.sender.unsettled.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(links.sender.unsettled.map(({ ownBody }) => ownBody !== undefined)).toEqual([true, false]);
    links.sender.answerAll(ACCEPTED);
    await Promise.all(sent);
  });

  it('refuse at once a compression that this Node has not, rather than lose the message later', async () => {
    const { client } = await attached();
    const zstd: unknown = Reflect.get(zlib, 'zstdCompress');
    Reflect.set(zlib, 'zstdCompress', undefined);
    try {
      expect(() => client.queueMessage('a', { compress: 'zstd' })).toThrow(EncodeError);
      expect(await failure(client.send('b', { compress: 'zstd' }))).toMatchObject({ code: 'encode' });
    } finally {
      Reflect.set(zlib, 'zstdCompress', zstd);
    }
    expect(client.pendingMessages).toEqual([]);
  });

  it('refuse what is too much, what has no form, and everything after close', async () => {
    const { client } = await attached({ maxPendingMessages: 1 });
    expect(() => client.queueMessage(1n)).toThrow(EncodeError);
    client.queueMessage('a');
    expect(() => client.queueMessage('b')).toThrow(SendQueueFullError);
    await client.close({ timeoutMs: 0 });
    expect(client.pendingMessages).toHaveLength(1);
    expect(() => client.queueMessage('c')).toThrow(ClientClosedError);
    const [result] = await client.sendAllMessages();
    expect(result).toMatchObject({ ok: false, error: { code: 'client-closed', delivered: 'no' } });
  });
});

describe('closing', () => {
  it('waits for what is pending, then detaches and says goodbye', async () => {
    const { client, links, registered } = await attached();
    const sent = client.send('x');
    let isClosed = false;
    const closed = client.close().then(() => (isClosed = true));
    const link = links.sender;
    await settle();
    expect(isClosed).toBe(false);
    link.answer(ACCEPTED);
    await sent;
    await closed;
    expect(link.detached).toEqual([{ closed: true }]);
    expect(links.current.isReleased).toBe(true);
    expect(registered.size).toBe(0);
  });

  it('fails the rest when its time is over, and says what the peer may have', async () => {
    const { client, links } = await attached({ maxPendingMessages: 2, whenFull: 'wait' });
    links.sender.credit = 1;
    const sent = [1, 2, 3].map((value) => failure(client.send(value)));
    const closed = client.close({ timeoutMs: 100 });
    jest.advanceTimersByTime(100);
    await closed;
    const errors = await Promise.all(sent);
    expect(errors.map(({ code, delivered }) => [code, delivered])).toEqual([
      ['client-closed', 'unknown'],
      ['client-closed', 'no'],
      ['client-closed', 'no'],
    ]);
  });

  it.each<[string, (all: Made) => unknown]>([
    ['before its first use', () => undefined],
    ['while it attaches', ({ client }) => void client.send('x').catch(() => undefined)],
    [
      'while the link is lost',
      async ({ client, links }) => {
        void client.send('x').catch(() => undefined);
        await links.current.attach();
        links.current.lose();
      },
    ],
    [
      'after it failed',
      async ({ client, links }) => {
        void client.send('x').catch(() => undefined);
        links.current.fail(new LinkError('no', 'orders', 'l'));
      },
    ],
    [
      'while a retry waits',
      async ({ client, links }) => {
        void client.send('x').catch(() => undefined);
        await links.current.attach();
        links.sender.answer(modified());
      },
    ],
  ])('works %s, twice, and is final', async (_name, prepare) => {
    const all = make({}, { attached: false });
    await prepare(all);
    const closed = all.client.close({ timeoutMs: 50 });
    jest.advanceTimersByTime(50);
    await closed;
    await all.client.close();
    expect(await failure(all.client.send('y'))).toMatchObject({ code: 'client-closed', delivered: 'no' });
    await expect(all.client.ready()).rejects.toBeInstanceOf(ClientClosedError);
    expect(all.client.pendingMessages).toEqual([]);
    expect(all.deadlines.size).toBe(0);
  });

  it('tells those who wait for room', async () => {
    const { client } = await attached({ maxPendingMessages: 1 });
    void client.send('x').catch(() => undefined);
    const ready = client.ready();
    void client.close({ timeoutMs: 0 });
    jest.advanceTimersByTime(1);
    await expect(ready).rejects.toBeInstanceOf(ClientClosedError);
  });
});

describe('observers of sends', () => {
  it('see each message before it is encoded, may add to it, and hear its result once', async () => {
    const results: [unknown, SendResult][] = [];
    const observers = [
      {
        onSend: () => ({ token: 1, applicationProperties: { traceparent: '00' } }),
        onSent: (token: unknown, result: SendResult) => void results.push([token, result]),
      },
      {
        onSend: () => {
          throw new Error('broken');
        },
      },
    ];
    const { client, links, logged } = await attached({}, { observers });
    const sent = client.send('x', { applicationProperties: { own: 1 } });
    expect(links.sender.written[0]?.applicationProperties).toEqual({ own: 1, traceparent: '00' });
    links.sender.answer(rejectedWith('app:no'));
    await failure(sent);
    expect(results.map(([token, { ok }]) => [token, ok])).toEqual([
      [1, true],
      [1, false],
    ]);
    expect(logged.filter((line) => line.includes('an observer'))).toHaveLength(1);
  });
});

describe('observers of sends that end early', () => {
  const observer = (): { observers: Observer[]; open: Set<number> } => {
    const open = new Set<number>();
    let next = 0;
    const onSend = (): { token: number } => {
      open.add(++next);
      return { token: next };
    };
    return { open, observers: [{ onSend, onSent: (token) => void open.delete(Number(token)) }] };
  };

  it.each<[string, Target, unknown, SendOptions]>([
    ['on the anonymous target has no address', null, 'x', {}],
    ['has no body to compress', 'orders', 1, { compress: 'gzip', bodyType: 'value' }],
  ])('hear nothing of one that %s', async (_name, target, value, options) => {
    const { open, observers } = observer();
    const { client } = make({}, { target, observers });
    await failure(client.send(value, options));
    expect(() => client.queueMessage(value, options)).toThrow(EncodeError);
    expect([...open]).toEqual([]);
  });

  it('hear of one that is queued when it is sent, with what they add, and nothing of one that never is', async () => {
    const { open, observers } = observer();
    let told = 0;
    const adding: Observer = { onSend: () => ({ messageAnnotations: { 'x-opt-nr': ++told } }) };
    const { client, links } = await attached({}, { observers: [...observers, adding] });
    // By what attached it.
    told = 0;
    client.queueMessage('a');
    expect([[...open], told]).toEqual([[], 0]);
    const sent = client.sendAllMessages();
    expect([open.size, told]).toEqual([1, 1]);
    expect(links.sender.written.at(-1)?.messageAnnotations).toEqual({ 'x-opt-nr': 1 });
    links.sender.answer(ACCEPTED);
    await sent;
    client.queueMessage('b');
    await client.close({ timeoutMs: 0 });
    expect(client.pendingMessages).toHaveLength(1);
    expect([[...open], told]).toEqual([[], 1]);
    await client.sendAllMessages();
    expect([[...open], told]).toEqual([[], 2]);
  });

  it('hear the end of one that finds the queue full', async () => {
    const { open, observers } = observer();
    const { client } = make({ maxPendingMessages: 1 }, { observers });
    client.queueMessage('x');
    expect(() => client.queueMessage('y')).toThrow(SendQueueFullError);
    await failure(client.send('z'));
    expect([...open]).toEqual([]);
  });
});

it('a message made by createMessage is sent as it is', async () => {
  const { client, links } = await attached();
  void client
    .send(createMessage({ body: { a: 1n }, bodyType: 'value', properties: { messageId: 5n } }))
    .catch(() => undefined);
  expect(links.sender.written[0]).toMatchObject({ body: { a: 1 }, bodyType: 'value', properties: { messageId: 5n } });
});
