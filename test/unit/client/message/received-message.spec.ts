import { describe, expect, it } from '@jest/globals';
import { CodecRegistry } from '../../../../lib/client/codec/codec-registry.js';
import {
  IncomingMessage,
  type DeliveryHost,
  type TransactionalHost,
} from '../../../../lib/client/message/incoming-message.js';
import { MessageIds } from '../../../../lib/client/message/message-ids.js';
import { RAW } from '../../../../lib/client/message/raw-body.js';
import { OutgoingMessages } from '../../../../lib/client/message/outgoing-message.js';
import type { Observer } from '../../../../lib/client/observer/observer.js';
import { Observers } from '../../../../lib/client/observer/observers.js';
import { AmqpTimeoutError, SettlementError, TransactionError } from '../../../../lib/client/errors.js';
import { LocalTransaction } from '../../../../lib/client/transaction/local-transaction.js';
import { DecodeError, encodeMessage, type AmqpMessage, type Outcome } from '../../../../lib/protocol/index.js';
import { FakeDelivery, FakeReceiverLink } from '../../../support/client/fake-links.js';

const log = { log: () => undefined, warn: () => undefined, error: () => undefined };

function transactionalHost(owner: object): TransactionalHost {
  return {
    settlesIn: (transaction) => {
      const own = LocalTransaction.of(transaction, owner);
      own.assertTakesParts();
      return own;
    },
    writesWithin: (outcome) => outcome.kind === 'accepted',
    flush: () => undefined,
    rolledBack: () => undefined,
  };
}

function receive(
  message: Partial<AmqpMessage> = { body: 'x', bodyType: 'data' },
  options: {
    presettled?: boolean;
    oversized?: boolean;
    bytes?: Buffer;
    outcomeFor?: (outcome: Outcome) => Outcome;
    /** Of the transactions that it may be settled in. */
    owner?: object;
    observer?: Observer;
  } = {},
): { message: IncomingMessage; delivery: FakeDelivery; link: FakeReceiverLink } {
  const host: DeliveryHost = {
    address: 'orders',
    node: { kind: 'named' },
    maxMessageBytes: 100,
    codecs: new CodecRegistry(),
    observers: new Observers(options.observer === undefined ? [] : [options.observer], log),
    outcomeFor: options.outcomeFor ?? ((outcome) => outcome),
    transactional: options.owner === undefined ? undefined : transactionalHost(options.owner),
  };
  const link = new FakeReceiverLink({
    name: 'l',
    source: {},
    target: {},
    settleMode: 'unsettled',
    maxMessageBytes: 100,
    signal: new AbortController().signal,
    onClosed: () => undefined,
    onDelivery: () => undefined,
  });
  const delivery = new FakeDelivery(link, options.presettled ?? false, options.oversized ?? false);
  const received = new IncomingMessage(host, delivery);
  const bytes = options.bytes ?? encodeMessage({ body: undefined, bodyType: 'none', ...message });
  received.read(bytes, 0, bytes.length);
  return { message: received, delivery, link };
}

const json = (text: string): Partial<AmqpMessage> => ({
  body: text,
  bodyType: 'data',
  properties: { contentType: 'application/json' },
});

describe('a received message', () => {
  const text = 'text/plain; charset=utf-8';
  it.each<[string, string, Buffer, unknown]>([
    ['JSON', 'application/json', Buffer.from('{ "a" : "\u00e9" }'), { a: 'é' }],
    ['JSON behind a byte order mark', 'application/json', Buffer.from('\uFEFF[1]'), [1]],
    ['text', text, Buffer.from('gr\u00fc\u00df \uFFFD'), 'gr\u00fc\u00df \uFFFD'],
    ['nothing', text, Buffer.alloc(0), ''],
    ['bytes', 'application/octet-stream', Buffer.from([0xff, 0xfe]), Buffer.from([0xff, 0xfe])],
    ['bytes without a type', '', Buffer.from([0xff]), Buffer.from([0xff])],
    ['what is no JSON', 'application/json', Buffer.from('{'), Buffer.from('{')],
    ['what is no text', text, Buffer.from([0xff]), Buffer.from([0xff])],
  ])('of %s holds nothing of the memory it came in, and goes on byte for byte', (_, contentType, bytes, value) => {
    const properties = contentType === '' ? undefined : { contentType };
    const came = encodeMessage({ body: bytes, bodyType: 'data', properties });
    const { message } = receive(undefined, { bytes: came });
    came.fill(0);
    expect(message.body).toEqual(value);
    expect(message[RAW]).toEqual(bytes);
    expect(message[RAW]).toBe(message[RAW]);
  });

  it.each<[string, Partial<AmqpMessage>, Parameters<typeof receive>[1], object]>([
    ['that is malformed', {}, { bytes: Buffer.from('nonsense') }, { code: 'decode', condition: 'amqp:decode-error' }],
    ['that the codec cannot read', json('{'), {}, { code: 'decode', condition: 'amqp:decode-error' }],
    [
      'that was too large',
      {},
      { oversized: true },
      { code: 'message-too-large', condition: 'amqp:link:message-size-exceeded' },
    ],
  ])('%s has a DecodeError and no effect on anybody', (_name, sections, options, facts) => {
    const error = receive(sections, options).message.failure?.error;
    expect(error).toBeInstanceOf(DecodeError);
    expect(error).toMatchObject({ ...facts, retryable: false });
    expect(String(error)).toContain('orders');
  });

  it('has its sections as own properties and nothing else', () => {
    const { message } = receive(json('{"a":1}'));
    expect(Object.keys(message)).toEqual([
      'header',
      'deliveryAnnotations',
      'messageAnnotations',
      'properties',
      'applicationProperties',
      'footer',
      'body',
      'bodyType',
    ]);
    expect(message.body).toEqual({ a: 1 });
    expect(message.delivery).toBe(message);
  });

  it.each<[string, AmqpMessage['header'], number, boolean]>([
    ['no header', undefined, 0, false],
    ['a first delivery', { firstAcquirer: true }, 0, false],
    ['a count', { deliveryCount: 3 }, 3, true],
    ['another acquirer before', { firstAcquirer: false }, 0, true],
  ])('knows of its deliveries with %s', (_name, header, deliveryCount, redelivered) => {
    const { message } = receive({ header, body: 'x', bodyType: 'data' });
    expect([message.deliveryCount, message.redelivered]).toEqual([deliveryCount, redelivered]);
  });

  it('goes on as it came when it is sent, without what belonged to its delivery', () => {
    const { message } = receive({
      ...json('{"a": 1}'),
      header: { durable: true, priority: 7, ttl: 5, deliveryCount: 3 },
      deliveryAnnotations: { hop: 1 },
      messageAnnotations: { 'x-opt-a': 1 },
    });
    message.body = 'changed by the handler';
    const sent = new OutgoingMessages(new CodecRegistry(), new MessageIds()).make(message, undefined);
    expect(sent.header).toEqual({ durable: true, priority: 7 });
    expect(sent.deliveryAnnotations).toBeUndefined();
    expect(sent.messageAnnotations).toEqual({ 'x-opt-a': 1 });
    expect(String(sent.body)).toBe('{"a": 1}');
  });
});

describe('settling', () => {
  it('differently a second time is refused, the same way is not, and only the first is written', async () => {
    const { message, delivery } = receive();
    await expect(message.reject('app:a', 'why')).resolves.toBe('settled');
    await expect(message.reject('app:a', 'why')).resolves.toBe('settled');
    for (const other of [message.accept(), message.release(), message.modify(), message.reject('app:b', 'why')]) {
      await expect(other).rejects.toBeInstanceOf(SettlementError);
      await expect(other).rejects.toMatchObject({ code: 'already-settled' });
    }
    expect(delivery.settlements).toBe(1);
    expect(message.outcome).toEqual({ kind: 'rejected', condition: 'app:a', description: 'why' });
  });

  it('of a pre-settled message can only be to accept it', async () => {
    const { message, delivery } = receive({ body: 'x', bodyType: 'data' }, { presettled: true });
    expect([message.settled, message.outcome?.kind]).toEqual([true, 'accepted']);
    await expect(message.accept()).resolves.toBe('settled');
    await expect(message.release()).rejects.toMatchObject({ code: 'pre-settled' });
    expect(delivery.settlements).toBe(0);
  });

  it('over a link that is gone is stale, again and again', async () => {
    const { message, link } = receive();
    link.isOpen = false;
    expect(message.isStale).toBe(true);
    await expect(message.accept()).resolves.toBe('stale');
    await expect(message.accept()).resolves.toBe('stale');
    await expect(message.release()).rejects.toMatchObject({ code: 'already-settled' });
  });

  it('with more about the error hands that on', async () => {
    const { message, delivery } = receive();
    await message.reject('app:no', 'not today', { info: { at: 'noon' } });
    const outcome = { kind: 'rejected', condition: 'app:no', description: 'not today', info: { at: 'noon' } };
    expect(delivery.outcome).toEqual(outcome);
    expect(message.outcome).toEqual(outcome);
  });

  it.each<[string, (message: IncomingMessage) => Promise<unknown>]>([
    ['info', (message) => message.reject('app:no', 'why', { info: ['noon'] as never })],
    ['messageAnnotations', (message) => message.modify({ messageAnnotations: 'x' as never })],
  ])('with %s that is no map is refused and leaves the message as it was', async (name, settling) => {
    const { message, delivery } = receive();
    await expect(settling(message)).rejects.toThrow(`${name} must be a plain object`);
    expect([message.settled, delivery.settlements]).toEqual([false, 0]);
    await expect(message.accept()).resolves.toBe('settled');
  });

  it('says what the specification wants where little is given', async () => {
    const one = receive();
    await one.message.reject();
    expect(one.delivery.outcome).toEqual({ kind: 'rejected', condition: 'amqp:internal-error' });
    const two = receive();
    await two.message.modify({ deliveryFailed: true, messageAnnotations: { 'x-a': 1 } });
    expect(two.delivery.outcome).toEqual({
      kind: 'modified',
      deliveryFailed: true,
      undeliverableHere: false,
      messageAnnotations: { 'x-a': 1 },
    });
  });

  it('is told to observers when it reached the peer, as that understands it', async () => {
    const told: Outcome[] = [];
    const observer: Observer = { onSettle: ({ outcome }) => void told.push(outcome) };
    const { message: stale, link } = receive(undefined, { observer });
    link.isOpen = false;
    await expect(stale.accept()).resolves.toBe('stale');
    expect(told).toEqual([]);
    const { message } = receive(undefined, { observer, outcomeFor: () => ({ kind: 'released' }) });
    await message.modify({ deliveryFailed: true });
    expect(told).toEqual([{ kind: 'released' }]);
  });

  it('is told to observers when its transaction is committed, not when it is written, and never when that is rolled back', async () => {
    const told: Outcome[] = [];
    const observer: Observer = { onSettle: ({ outcome }) => void told.push(outcome) };
    const owner = {};
    const settledIn = async (id: string): Promise<LocalTransaction> => {
      const { message, delivery } = receive(undefined, { owner, observer });
      const transaction = new LocalTransaction(Buffer.from(id), owner, true);
      await message.accept({ transaction });
      expect(transaction.writeSettlements()).toBe(true);
      expect(delivery.outcome?.kind).toBe('accepted');
      return transaction;
    };
    const undone = await settledIn('undone');
    undone.ended('rolled-back', new Error('why not'));
    const doubtful = await settledIn('doubtful');
    doubtful.ended('in-doubt', new Error('nobody knows'));
    const done = await settledIn('done');
    expect(told).toEqual([]);
    done.ended('committed');
    expect(told).toEqual([{ kind: 'accepted' }]);
  });

  it('is written as the peer understands it and remembered as it was meant', async () => {
    const { message, delivery } = receive(undefined, { outcomeFor: () => ({ kind: 'released' }) });
    await message.modify({ deliveryFailed: true });
    expect(delivery.outcome).toEqual({ kind: 'released' });
    expect(message.outcome?.kind).toBe('modified');
    await expect(message.modify({ deliveryFailed: true })).resolves.toBe('settled');
  });

  it('within a transaction is written with its id right before the commit, and is refused when it is over', async () => {
    const owner = {};
    const { message, delivery } = receive(undefined, { owner });
    const over = new LocalTransaction(Buffer.from('over'), owner, true);
    over.ended('rolled-back', new Error('why not'));
    await expect(message.accept({ transaction: over })).rejects.toBeInstanceOf(TransactionError);
    expect(message.settled).toBe(false);
    const transaction = new LocalTransaction(Buffer.from('tx'), owner, true);
    await expect(message.accept({ transaction })).resolves.toBe('settled');
    expect([message.settled, delivery.outcome]).toEqual([true, undefined]);
    expect(transaction.writeSettlements()).toBe(true);
    expect(delivery.transactionId).toBe(transaction.id);
  });

  it('that is undone with its transaction leaves it as it was before, to be settled otherwise', async () => {
    const owner = {};
    const { message, delivery } = receive(undefined, { owner });
    const transaction = new LocalTransaction(Buffer.from('tx'), owner, true);
    await message.accept({ transaction });
    transaction.ended('rolled-back', new Error('why not'));
    expect([message.settled, message.outcome, message.wasRolledBack]).toEqual([false, undefined, true]);
    await expect(message.reject('app:a')).resolves.toBe('settled');
    expect([delivery.outcome?.kind, delivery.transactionId, message.wasRolledBack]).toEqual([
      'rejected',
      undefined,
      false,
    ]);
  });

  it('that a peer takes back with its transaction makes it stale: it comes again', async () => {
    const owner = {};
    const { message, delivery } = receive(undefined, { owner });
    const transaction = new LocalTransaction(Buffer.from('tx'), owner, true);
    await message.accept({ transaction });
    transaction.writeSettlements();
    transaction.ended('rolled-back', new Error('refused'));
    expect(message.isStale).toBe(true);
    await expect(message.reject()).resolves.toBe('stale');
    expect(delivery.settlements).toBe(1);
  });

  it('that the peer takes in no transaction is written right after the commit, and after a rollback not at all', async () => {
    const owner = {};
    const { message, delivery } = receive(undefined, { owner });
    const first = new LocalTransaction(Buffer.from('first'), owner, true);
    await message.release({ transaction: first });
    first.writeSettlements();
    first.ended('rolled-back', new Error('refused'));
    expect([delivery.outcome, message.settled, message.isStale]).toEqual([undefined, false, false]);
    const second = new LocalTransaction(Buffer.from('second'), owner, true);
    await message.release({ transaction: second });
    second.writeSettlements();
    expect(delivery.outcome).toBeUndefined();
    second.ended('committed');
    expect([delivery.outcome?.kind, delivery.transactionId]).toEqual(['released', undefined]);
  });

  it('over a link that is gone keeps its transaction from committing', async () => {
    const owner = {};
    const { message, link } = receive(undefined, { owner });
    const late = new LocalTransaction(Buffer.from('late'), owner, true);
    await message.accept({ transaction: late });
    const { message: other, link: gone } = receive(undefined, { owner });
    gone.isOpen = false;
    await expect(other.accept({ transaction: late })).resolves.toBe('stale');
    expect(late.failure).toMatchObject({ code: 'not-settled' });
    link.isOpen = false;
    expect(late.writeSettlements()).toBe(false);
  });

  it('within a transaction is refused where messages cannot be settled in one', async () => {
    const { message } = receive();
    const transaction = new LocalTransaction(Buffer.from('tx'), {}, true);
    await expect(message.accept({ transaction })).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('the signal', () => {
  it('aborts with the reason, also when it is asked for later', () => {
    const reason = new AmqpTimeoutError('late');
    const { message } = receive();
    const { signal } = message;
    message.abort(reason);
    message.abort(new Error('second'));
    expect([signal.aborted, signal.reason]).toEqual([true, reason]);
    const late = receive().message;
    late.abort(reason);
    expect(late.signal.reason).toBe(reason);
  });

  it('is a new one for the next attempt', () => {
    const { message } = receive();
    message.abort(new Error('late'));
    message.nextAttempt();
    expect([message.attempt, message.signal.aborted]).toEqual([2, false]);
  });
});
