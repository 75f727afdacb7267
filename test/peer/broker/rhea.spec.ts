import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import rhea from 'rhea';
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../../../lib/broker/index.js';
import {
  type RheaConnection,
  type RheaEvent,
  rheaClose,
  rheaConnect,
  type RheaOptions,
  rheaReceiver,
  rheaSend,
  rheaSender,
} from './support/rhea-client.js';

const brokers: EmbeddedBroker[] = [];
const connections: RheaConnection[] = [];

async function start(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start({ queues: ['orders'], ...options });
  brokers.push(broker);
  return broker;
}

async function connect(broker: EmbeddedBroker, options: RheaOptions = {}): Promise<RheaConnection> {
  const connection = await rheaConnect(broker.port ?? 0, options);
  connections.push(connection);
  return connection;
}

afterEach(async () => {
  await Promise.all(connections.splice(0).map(rheaClose));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

/** rhea gives a data section as an object around its bytes. */
function dataOf(message: rhea.Message | undefined): Buffer | undefined {
  const body: unknown = message?.body;
  return typeof body === 'object' && body !== null ? (Reflect.get(body, 'content') as Buffer) : undefined;
}

describe('messages between rhea and the embedded broker', () => {
  it('are stored and delivered byte for byte', async () => {
    const broker = await start();
    const connection = await connect(broker);
    const sender = await rheaSender(connection, 'orders');
    const sent = await rheaSend(sender, { body: 'hello', message_id: 'm1', application_properties: { a: 1 } });
    expect(sent.outcome).toBe('accepted');
    expect(broker.queue('orders').stats()).toMatchObject({ ready: 1, enqueued: 1 });
    const inbox = rheaReceiver(connection, 'orders');
    inbox.credit(1);
    const { message, delivery } = await inbox.next();
    expect(message).toMatchObject({ body: 'hello', message_id: 'm1', application_properties: { a: 1 } });
    delivery?.accept();
    await broker.idle();
    expect(broker.queue('orders').stats()).toMatchObject({ ready: 0, unsettled: 0, accepted: 1 });
  });

  it('of two megabytes travel in frames as small as the peer wants them', async () => {
    const broker = await start();
    const connection = await connect(broker, { maxFrameSize: 4_096 });
    const body = Buffer.alloc(2_000_000, 'abcdefg');
    const sender = await rheaSender(connection, 'orders');
    await rheaSend(sender, { body: rhea.message.data_section(body) });
    const inbox = rheaReceiver(connection, 'orders');
    inbox.credit(1);
    const { message, delivery } = await inbox.next();
    expect(dataOf(message)?.equals(body)).toBe(true);
    delivery?.accept();
    await broker.idle();
  });

  it('larger than the limit are rejected, and the limit stands in the attach', async () => {
    const broker = await start({ maxMessageBytes: 1_000 });
    const sender = await rheaSender(await connect(broker), 'orders');
    expect(Reflect.get(sender, 'max_message_size')).toBe(1_000);
    const { outcome, error } = await rheaSend(sender, { body: 'x'.repeat(2_000) });
    expect([outcome, error?.condition]).toEqual(['rejected', 'amqp:link:message-size-exceeded']);
    expect((await rheaSend(sender, { body: 'small' })).outcome).toBe('accepted');
  });

  it('that are pre-settled count as accepted when they are handed over', async () => {
    const broker = await start();
    const connection = await connect(broker);
    const sender = connection.open_sender({ target: 'orders', snd_settle_mode: 1 });
    await once(sender, 'sendable');
    sender.send({ body: 'one' });
    const inbox = rheaReceiver(connection, { source: 'orders', snd_settle_mode: 1 });
    inbox.credit(1);
    const { delivery } = await inbox.next();
    expect(delivery?.remote_settled).toBe(true);
    await broker.idle();
    expect(broker.queue('orders').stats()).toMatchObject({ delivered: 1, accepted: 1, unsettled: 0 });
  });

  it('come with the count of failed deliveries and die after the last one that the queue allows', async () => {
    const broker = await start({ queues: [{ name: 'orders', maxDeliveries: 3, deadLetter: 'dead' }] });
    broker.queue('orders').publish({ id: 1 });
    const inbox = rheaReceiver(await connect(broker), 'orders');
    inbox.credit(10);
    const counts: unknown[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      const { message, delivery } = await inbox.next();
      counts.push([message?.delivery_count ?? 0, message?.first_acquirer]);
      delivery?.modified({ delivery_failed: true, undeliverable_here: false });
    }
    await broker.idle();
    expect(counts).toEqual([
      [0, true],
      [1, false],
      [2, false],
    ]);
    expect(broker.queue('dead').messages()).toMatchObject([
      {
        body: { id: 1 },
        messageAnnotations: { 'x-opt-death-reason': 'max-deliveries', 'x-opt-death-queue': 'orders' },
      },
    ]);
  });

  it('that were rejected say why on the dead letter', async () => {
    const broker = await start({ queues: [{ name: 'orders', deadLetter: 'dead' }] });
    broker.queue('orders').publish('x');
    const inbox = rheaReceiver(await connect(broker), 'orders');
    inbox.credit(1);
    const { delivery } = await inbox.next();
    delivery?.reject({ condition: 'app:bad', description: 'no such order' });
    await broker.idle();
    expect(broker.queue('dead').messages()[0]?.messageAnnotations).toMatchObject({
      'x-opt-death-reason': 'rejected',
      'x-opt-death-condition': 'app:bad',
      'x-opt-death-description': 'no such order',
    });
  });
});

describe('receivers', () => {
  it('of a lost connection give back what they had: in its old place, redelivered, uncounted', async () => {
    const broker = await start();
    const lost = await connect(broker);
    const first = rheaReceiver(lost, 'orders');
    for (const body of ['a', 'b', 'c']) broker.queue('orders').publish(body);
    first.credit(2);
    await first.next();
    await first.next();
    const disconnected = once(lost, 'disconnected');
    (Reflect.get(lost, 'socket') as Socket).destroy(new Error('cut'));
    await disconnected;
    const second = rheaReceiver(await connect(broker), 'orders');
    second.credit(3);
    const events = [await second.next(), await second.next(), await second.next()];
    expect(events.map(({ message }) => String(dataOf(message)))).toEqual(['a', 'b', 'c']);
    expect(events.map(({ message }) => message?.first_acquirer)).toEqual([false, false, true]);
    expect(events.map(({ message }) => message?.delivery_count ?? 0)).toEqual([0, 0, 0]);
  });

  it('that close their link give back what they had', async () => {
    const broker = await start();
    const connection = await connect(broker);
    const inbox = rheaReceiver(connection, 'orders');
    broker.queue('orders').publish('a');
    inbox.credit(1);
    await inbox.next();
    inbox.receiver.close();
    await once(inbox.receiver, 'receiver_close');
    expect(broker.queue('orders').stats()).toMatchObject({ ready: 1, unsettled: 0, consumers: 0, released: 0 });
  });

  it('share a queue evenly', async () => {
    const broker = await start();
    const inboxes = await Promise.all(
      [0, 1, 2].map(async () => await rheaReceiver(await connect(broker), 'orders').opened()),
    );
    for (const inbox of inboxes) inbox.credit(30);
    // One round trip on each connection, so that every credit is known.
    await Promise.all(inboxes.map((inbox) => rheaReceiver(inbox.receiver.connection, 'orders').opened()));
    for (let index = 0; index < 30; index++) broker.queue('orders').publish(index);
    for (const inbox of inboxes) for (let index = 0; index < 10; index++) (await inbox.next()).delivery?.accept();
    await broker.idle();
    expect(inboxes.map(({ unread }) => unread)).toEqual([0, 0, 0]);
  });

  it('get all of a queue with a single active consumer while they are the first, and the next one when that goes', async () => {
    const single = { name: 'single', arguments: { 'x-single-active-consumer': true } };
    const broker = await start({ queues: ['orders', single] });
    const [first, second] = [
      rheaReceiver(await connect(broker), 'single'),
      rheaReceiver(await connect(broker), 'single'),
    ];
    await first.opened();
    await second.opened();
    for (const inbox of [first, second]) inbox.credit(30);
    // One round trip on each connection, so that every credit is known.
    for (const { receiver } of [first, second]) await rheaReceiver(receiver.connection, 'orders').opened();
    for (let index = 0; index < 4; index++) broker.queue('single').publish(String(index));
    (await first.next()).delivery?.accept();
    for (let index = 1; index < 4; index++) await first.next();
    expect(second.unread).toBe(0);
    first.receiver.close();
    const rest = [await second.next(), await second.next(), await second.next()];
    const bodies = rest.map(({ message }) => dataOf(message)?.toString());
    expect(bodies).toEqual(['1', '2', '3']);
  });

  it('may settle second, after the broker has: it does as the receiver wishes (section 2.7.3)', async () => {
    const broker = await start();
    const connection = await connect(broker);
    const receiver = connection.open_receiver({
      source: 'orders',
      rcv_settle_mode: 1,
      autoaccept: false,
      autosettle: false,
      credit_window: 1,
    });
    broker.queue('orders').publish('a');
    const [{ delivery }] = (await once(receiver, 'message')) as [rhea.EventContext];
    expect(receiver.rcv_settle_mode).toBe(1);
    const settled = once(receiver, 'settled');
    delivery?.update(false, Reflect.get(rhea.message, 'accepted')().described());
    await settled;
    // The outcome that stands: Azure's SDK for Python takes none for a failure.
    expect(delivery?.remote_state).toBeDefined();
    expect(broker.queue('orders').stats()).toMatchObject({ accepted: 1, ready: 0, unsettled: 0 });
  });

  it('get what there is when they drain, and their credit back', async () => {
    const broker = await start();
    const inbox = await rheaReceiver(await connect(broker), 'orders').opened();
    broker.queue('orders').publish('a');
    inbox.credit(10);
    await inbox.drained();
    expect(inbox.unread).toBe(1);
    expect(Reflect.get(inbox.receiver, 'credit')).toBe(0);
    broker.queue('orders').publish('b');
    await rheaSender(inbox.receiver.connection, 'other');
    expect(inbox.unread).toBe(1);
  });

  it('browse with a selector, and one that cannot be is refused', async () => {
    const broker = await start();
    for (const kind of ['a', 'b', 'a']) broker.queue('orders').publish(kind, { applicationProperties: { kind } });
    const connection = await connect(broker);
    const inbox = rheaReceiver(connection, {
      source: { address: 'orders', distribution_mode: 'copy', filter: rhea.filter.selector("kind = 'a'") },
    });
    inbox.credit(10);
    await inbox.next();
    await inbox.next();
    expect(broker.queue('orders').stats()).toMatchObject({ ready: 3, unsettled: 0 });
    const refused = connection.open_receiver({
      source: { address: 'orders', filter: rhea.filter.selector('kind = ') },
    });
    const [context] = (await once(refused, 'receiver_error')) as [RheaEvent];
    expect(context.receiver?.error).toMatchObject({ condition: 'amqp:invalid-field' });
  });
});

describe('addresses', () => {
  it.each<[string, string]>([
    ['/queues/nowhere', 'amqp:not-found'],
    ['/exchanges/nowhere/k', 'amqp:not-found'],
    ['/queue/v1', 'amqp:not-found'],
    ['topic://x', 'amqp:not-found'],
  ])('%s is refused with %s, and the session goes on', async (address, condition) => {
    const broker = await start();
    const connection = await connect(broker);
    const refused = connection.open_sender(address);
    const [context] = (await once(refused, 'sender_error')) as [RheaEvent];
    expect(context.sender?.error).toMatchObject({ condition });
    await rheaSender(connection, '/queues/orders');
  });

  it('of bare names make a queue, unless that is switched off', async () => {
    const broker = await start();
    await rheaSender(await connect(broker), 'made');
    expect(broker.queues().map(({ name }) => name)).toEqual(['orders', 'made']);
    const strict = await start({ autoCreateQueues: false });
    const refused = (await connect(strict)).open_receiver('made');
    const [context] = (await once(refused, 'receiver_error')) as [RheaEvent];
    expect(context.receiver?.error).toMatchObject({ condition: 'amqp:not-found' });
  });

  it('of exchanges route by key, and release what nobody wants', async () => {
    const broker = await start({
      exchanges: [{ name: 'events', type: 'topic' }],
      bindings: [{ exchange: 'events', queue: 'orders', routingKey: 'order.*' }],
    });
    const connection = await connect(broker);
    const wanted = await rheaSender(connection, '/exchanges/events/order.created');
    expect((await rheaSend(wanted, { body: 1 })).outcome).toBe('accepted');
    const unwanted = await rheaSender(connection, '/exchanges/events/invoice.created');
    expect((await rheaSend(unwanted, { body: 2 })).outcome).toBe('released');
    expect(broker.queue('orders').stats().enqueued).toBe(1);
  });

  it('may stand in each message', async () => {
    const broker = await start();
    const sender = await rheaSender(await connect(broker), { target: {} });
    expect((await rheaSend(sender, { to: '/queues/orders', body: 1 })).outcome).toBe('accepted');
    for (const to of ['/queues/nowhere', '/exchanges/nowhere', '$cbs', '//']) {
      expect(await rheaSend(sender, { to, body: 1 })).toMatchObject({
        outcome: 'rejected',
        error: { condition: 'amqp:not-found' },
      });
    }
    expect((await rheaSend(sender, { body: 1 })).error?.condition).toBe('amqp:precondition-failed');
  });

  it('can be dynamic, and go with the link that asked', async () => {
    const broker = await start();
    const connection = await connect(broker);
    const replies = await rheaReceiver(connection, { source: { dynamic: true } } as rhea.ReceiverOptions).opened();
    const { address } = replies.receiver.source;
    const sender = await rheaSender(connection, address);
    await rheaSend(sender, { body: 'pong' });
    replies.credit(1);
    expect((await replies.next()).message?.body).toBe('pong');
    replies.receiver.close();
    await once(sender, 'sender_error');
    expect(broker.queues().map(({ name }) => name)).toEqual(['orders']);
  });
});

describe('injected faults', () => {
  it('reject and release what is sent, and store nothing of it', async () => {
    const broker = await start();
    const sender = await rheaSender(await connect(broker), 'orders');
    broker.queue('orders').inject({ kind: 'reject', condition: 'app:on-purpose', description: 'so there' });
    broker.queue('orders').inject({ kind: 'release', after: 1 });
    expect(await rheaSend(sender, { body: 1 })).toMatchObject({
      outcome: 'rejected',
      error: { condition: 'app:on-purpose', description: 'so there' },
    });
    expect((await rheaSend(sender, { body: 2 })).outcome).toBe('released');
    expect((await rheaSend(sender, { body: 3 })).outcome).toBe('accepted');
    expect(broker.queue('orders').stats().enqueued).toBe(1);
  });

  it('detach the link with the error, and the connection goes on', async () => {
    const broker = await start();
    const connection = await connect(broker);
    const sender = await rheaSender(connection, 'orders');
    broker.queue('orders').inject({ kind: 'detach', condition: 'amqp:resource-deleted' });
    sender.send({ body: 1 });
    const [context] = (await once(sender, 'sender_error')) as [RheaEvent];
    expect(context.sender?.error).toMatchObject({ condition: 'amqp:resource-deleted' });
    expect((await rheaSend(await rheaSender(connection, 'orders'), { body: 2 })).outcome).toBe('accepted');
    expect(broker.queue('orders').stats().enqueued).toBe(1);
  });

  it('drop the connection without a word', async () => {
    const broker = await start();
    const connection = await connect(broker);
    const sender = await rheaSender(connection, 'orders');
    broker.queue('orders').inject({ kind: 'drop-connection' });
    const disconnected = once(connection, 'disconnected');
    sender.send({ body: 1 });
    await disconnected;
    expect(broker.queue('orders').stats().enqueued).toBe(0);
  });

  it('withhold credit until they are cleared', async () => {
    const broker = await start();
    broker.queue('orders').inject({ kind: 'no-credit' });
    const connection = await connect(broker);
    const sender = connection.open_sender('orders');
    await once(sender, 'sender_open');
    await rheaSender(connection, 'other');
    expect(sender.sendable()).toBe(false);
    const sendable = once(sender, 'sendable');
    broker.queue('orders').clearFaults();
    await sendable;
  });
});

describe('the broker as a whole', () => {
  it('says what it is in its open', async () => {
    const connection = await connect(await start());
    const open = connection['remote'].open as { properties: object; idle_time_out: number; max_frame_size: number };
    expect(open.properties).toMatchObject({ product: 'nestjs-amqp10-embedded', version: '0.1.0' });
    expect([open.idle_time_out, open.max_frame_size]).toEqual([30_000, 131_072]);
  });

  it('says there what its options have it say', async () => {
    const properties = { product: 'RabbitMQ', version: '4.2.0', node: 'rabbit@embedded' };
    const connection = await connect(await start({ properties }));
    expect(connection['remote'].open).toMatchObject({ properties });
    await expect(EmbeddedBroker.start({ properties: 7 as never })).rejects.toThrow('properties must be');
  });

  it('names the queues that are not idle in time', async () => {
    const broker = await start();
    const inbox = rheaReceiver(await connect(broker), 'orders');
    broker.queue('orders').publish('x');
    inbox.credit(1);
    const { delivery } = await inbox.next();
    const error: unknown = await broker.idle({ timeoutMs: 20 }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('"orders" (0 ready, 1 unsettled)'),
    });
    const idle = broker.idle({ timeoutMs: 2_000 });
    delivery?.accept();
    await idle;
  });

  it('drops every connection and takes new ones', async () => {
    const broker = await start();
    const connection = await connect(broker);
    const disconnected = once(connection, 'disconnected');
    broker.queue('orders').publish('kept');
    broker.dropConnections();
    await disconnected;
    const inbox = rheaReceiver(await connect(broker), 'orders');
    inbox.credit(1);
    await inbox.next();
  });

  it('says that it stops', async () => {
    const broker = await start();
    const connection = await connect(broker);
    const closed = once(connection, 'connection_error') as Promise<[RheaEvent]>;
    const disconnected = once(connection, 'disconnected');
    await broker.stop();
    const [context] = await closed;
    expect(context.connection.error).toMatchObject({ condition: 'amqp:connection:forced' });
    await disconnected;
  });

  it('lets in who has the password, and nobody else', async () => {
    const broker = await start({ users: { guest: 'pässwörd' } });
    await expect(connect(broker, { username: 'guest', password: 'wrong' })).rejects.toThrow();
    await expect(connect(broker)).rejects.toThrow();
    const open = await start({ users: { guest: 'secret' }, allowAnonymous: true });
    await connect(open);
    await connect(open, { username: 'guest', password: 'secret' });
  });

  it('answers questions about its queues on $management', async () => {
    const broker = await start();
    broker.queue('orders').publish('x');
    const connection = await connect(broker);
    const replies = rheaReceiver(connection, { source: '$management', target: 'me-1' });
    const sender = await rheaSender(connection, '$management');
    const ask = async (application_properties: Record<string, unknown>): Promise<RheaEvent> => {
      replies.credit(1);
      await rheaSend(sender, { message_id: 'q1', reply_to: 'me-1', application_properties, body: null });
      return await replies.next();
    };
    const { message } = await ask({ operation: 'READ', type: 'queue', name: 'orders' });
    expect(message).toMatchObject({
      correlation_id: 'q1',
      application_properties: { statusCode: 200 },
      body: { name: 'orders', messages: 1, consumers: 0 },
    });
    expect((await ask({ operation: 'CREATE', type: 'queue' })).message?.application_properties).toMatchObject({
      statusCode: 501,
    });
  });

  it('asks for a token where that is required, and ends links when it has expired', async () => {
    const broker = await start({
      cbs: { required: true, validate: ({ token }) => ({ statusCode: token === 'good' ? 200 : 401 }) },
    });
    const connection = await connect(broker);
    const refused = connection.open_sender('orders');
    const [context] = (await once(refused, 'sender_error')) as [RheaEvent];
    expect(context.sender?.error).toMatchObject({ condition: 'amqp:unauthorized-access' });
    const replies = rheaReceiver(connection, { source: '$cbs', target: 'cbs-reply' });
    const cbs = await rheaSender(connection, '$cbs');
    const put = async (body: string, expiration: Date): Promise<unknown> => {
      replies.credit(1);
      const application_properties = {
        operation: 'put-token',
        type: 'jwt',
        name: 'amqp://host/orders',
        expiration: rhea.types.wrap_timestamp(expiration.getTime()),
      };
      await rheaSend(cbs, { message_id: 1, reply_to: 'cbs-reply', application_properties, body });
      const { message } = await replies.next();
      const properties: Record<string, unknown> = message?.application_properties ?? {};
      return properties['status-code'];
    };
    expect(await put('bad', new Date(Date.now() + 60_000))).toBe(401);
    expect(await put('good', new Date(Date.now() + 2_000))).toBe(200);
    const sender = await rheaSender(connection, 'orders');
    const [expired] = (await once(sender, 'sender_error')) as [RheaEvent];
    expect(expired.sender?.error).toMatchObject({ condition: 'amqp:unauthorized-access' });
  });
});
