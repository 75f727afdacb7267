// A management client on the embedded broker's `$management`, and against a node that the test plays.

import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../../../lib/broker/index.js';
import {
  AmqpConnection,
  ClientClosedError,
  ConnectionError,
  DecodeError,
  EncodeError,
  InvalidOptionsError,
  LinkError,
  ManagementError,
  RequestTimeoutError,
  SendError,
  Uuid,
  amqp,
  type AmqpMessage,
  type Outcome,
} from '../../../lib/client/index.js';
import {
  acceptConnection,
  decodeMessageInto,
  type AcceptedConnection,
  type AcceptorHandlers,
  type ServerSender,
} from '../../../lib/protocol/acceptor/index.js';
import { duplexPair } from '../../support/duplex-pair.js';
import { eventually } from '../../support/eventually.js';

const brokers: EmbeddedBroker[] = [];
const connections: AmqpConnection[] = [];

async function start(options: EmbeddedBrokerOptions): Promise<{ broker: EmbeddedBroker; connection: AmqpConnection }> {
  const broker = await EmbeddedBroker.start({ port: false, ...options });
  brokers.push(broker);
  const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
  const reconnect = { initialDelayMs: 2, maxDelayMs: 10 };
  const connection = new AmqpConnection({ uri: broker.uri, dial: broker.dial, reconnect, logger: quiet });
  connections.push(connection);
  await connection.open();
  return { broker, connection };
}

interface PlayedNode {
  readonly connection: AmqpConnection;
  /** Requests that arrived. */
  readonly requests: AmqpMessage[];
  readonly connections: AcceptedConnection[];
}

/** A node that answers as the test says; `undefined`: not at all. */
async function playedNode(
  answers: (request: AmqpMessage) => Partial<AmqpMessage> | readonly Partial<AmqpMessage>[] | undefined,
  outcome: Outcome = { kind: 'accepted' },
  { attaches = true, answersFirst = false } = {},
): Promise<PlayedNode> {
  const requests: AmqpMessage[] = [];
  const accepted: AcceptedConnection[] = [];
  let answering: ServerSender | undefined;
  const serve = (request: AmqpMessage): void => {
    requests.push(request);
    for (const answer of [answers(request) ?? []].flat()) {
      const properties = { correlationId: request.properties?.messageId };
      const message: AmqpMessage = { body: null, bodyType: 'value', properties, ...answer };
      answering?.send({ message, settled: () => undefined, failed: () => undefined });
    }
  };
  const handlers: AcceptorHandlers = {
    onOpen: (connection) => void accepted.push(connection),
    onClosed: () => undefined,
    onAttach: (request) => {
      if (!attaches) return;
      if (request.role === 'peer-receives') {
        const { source = {} } = request;
        const nothing = (): void => undefined;
        answering = request.accept({ source, onSendable: nothing, onDrain: nothing, onClosed: nothing });
        return;
      }
      const link = request.accept({
        target: request.target ?? {},
        onClosed: () => undefined,
        onDelivery: (delivery, payload, from, to) => {
          const message: AmqpMessage = { body: undefined, bodyType: 'none' };
          decodeMessageInto(message, payload, from, to);
          if (!answersFirst) delivery.settle(outcome);
          serve(message);
          if (answersFirst) setImmediate(() => delivery.settle(outcome));
        },
      });
      link.setPrefetch(100);
    },
  };
  const anonymous = { name: 'ANONYMOUS', needsResponse: false, authenticate: () => ({ identity: 'anonymous' }) };
  const dial = async (): Promise<Duplex> => {
    const [ours, theirs] = duplexPair();
    acceptConnection(theirs, { ...ACCEPTOR, sasl: { mechanisms: [anonymous] } }, handlers);
    return ours;
  };
  const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
  const reconnect = { initialDelayMs: 2, maxDelayMs: 10 };
  const connection = new AmqpConnection({ uri: 'amqp://played', dial, reconnect, logger: quiet });
  connections.push(connection);
  await connection.open();
  return { connection, requests, connections: accepted };
}

const ACCEPTOR = {
  containerId: 'played',
  maxFrameSize: 65_536,
  channelMax: 100,
  handleMax: 100,
  idleTimeoutMs: 0,
  handshakeTimeoutMs: 4_000,
  maxMessageBytes: 1_000_000,
};

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

describe('a management client on the embedded broker', () => {
  it('rejects a status that is no success, with what the node said', async () => {
    const { connection } = await start({ queues: ['orders'] });
    const client = connection.createManagementClient();
    const failed = client.request({ operation: 'READ', type: 'queue', applicationProperties: { name: 'nobody' } });
    await expect(failed).rejects.toMatchObject({
      name: 'ManagementError',
      code: 'management',
      statusCode: 404,
      description: 'there is no queue "nobody"',
      retryable: false,
    });
    await expect(client.request({ operation: 'DANCE', type: 'queue' })).rejects.toMatchObject({
      statusCode: 501,
      retryable: true,
    });
    await expect(failed).rejects.toBeInstanceOf(ManagementError);
  });

  it('resolves to the answer', async () => {
    const { broker, connection } = await start({ queues: ['orders', 'other'] });
    broker.queue('orders').publish('one');
    const client = connection.createManagementClient();
    const read = { operation: 'READ', type: 'queue', applicationProperties: { name: 'orders' } };
    expect(await client.request(read)).toEqual({
      statusCode: 200,
      statusDescription: 'OK',
      body: { name: 'orders', messages: 1, consumers: 0 },
      applicationProperties: { statusCode: 200, statusDescription: 'OK' },
    });
    const { body } = await client.request({ operation: 'QUERY', type: 'queue' });
    expect(body).toEqual({
      attributeNames: ['name', 'messages', 'consumers'],
      results: [
        ['orders', 1, 0],
        ['other', 0, 0],
      ],
    });
  });

  it('gives each of many in flight its own answer', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `queue-${index}`);
    const { connection } = await start({ queues: names });
    const client = connection.createManagementClient();
    const answers = await Promise.all(
      names.map((name) =>
        client.request({
          operation: 'READ',
          type: 'queue',
          applicationProperties: { name },
          reshape: (status, message, description) => [status, (message.body as { name: string }).name, description],
        }),
      ),
    );
    expect(answers).toEqual(names.map((name) => [200, name, 'OK']));
  });

  it('resolves whatever the status when it is raw, and rejects with what reshape throws', async () => {
    const { connection } = await start({});
    const client = connection.createManagementClient({ raw: true });
    const { statusCode } = await client.request({ operation: 'READ', type: 'queue' });
    expect(statusCode).toBe(400);
    const reshape = (status: number): never => {
      throw new RangeError(`${status}`);
    };
    await expect(client.request({ operation: 'DANCE', reshape })).rejects.toThrow(new RangeError('501'));
  });

  it('answers again after the connection was lost', async () => {
    const { broker, connection } = await start({ queues: ['orders'] });
    const client = connection.createManagementClient();
    await client.request({ operation: 'QUERY', type: 'queue' });
    broker.queue('orders').inject({ kind: 'drop-connection' });
    await connection.createSendClient('orders').send('x');
    const { statusCode } = await client.request({ operation: 'QUERY', type: 'queue' });
    expect(statusCode).toBe(200);
  });

  it('takes no more requests once it is closed, which may be done twice', async () => {
    const { connection } = await start({});
    const client = connection.createManagementClient();
    await client.request({ operation: 'QUERY', type: 'queue' });
    await Promise.all([client.close(), client.close()]);
    await expect(client.request({ operation: 'QUERY', type: 'queue' })).rejects.toBeInstanceOf(ClientClosedError);
  });
});

describe('a request', () => {
  it.each<[string, object, string]>([
    ['no operation', {}, 'request.operation'],
    ['an empty type', { operation: 'READ', type: '' }, 'request.type'],
    ['a time-out of nothing', { operation: 'READ', timeoutMs: 0 }, 'request.timeoutMs'],
    [
      'properties that are no object',
      { operation: 'READ', applicationProperties: [] },
      'request.applicationProperties',
    ],
    ['a name nobody knows', { operation: 'READ', bdy: 1 }, 'request.bdy'],
    ['a reshape that is no function', { operation: 'READ', reshape: 1 }, 'request.reshape'],
  ])('with %s rejects by its path', async (_name, request, option) => {
    const { connection } = await start({});
    const client = connection.createManagementClient();
    const refused = client.request(request as { operation: string });
    await expect(refused).rejects.toBeInstanceOf(InvalidOptionsError);
    await expect(refused).rejects.toMatchObject({ option });
  });

  it('that cannot be encoded fails alone', async () => {
    const { connection } = await start({});
    const client = connection.createManagementClient();
    const [bad, good] = await Promise.allSettled([
      client.request({ operation: 'QUERY', type: 'queue', body: () => undefined }),
      client.request({ operation: 'QUERY', type: 'queue' }),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: expect.any(EncodeError) });
    expect(good.status).toBe('fulfilled');
  });

  it('to a node that is not there fails at once with the link error', async () => {
    const { connection } = await start({ autoCreateQueues: false });
    const client = connection.createManagementClient({ node: 'nowhere' });
    const refused = client.request({ operation: 'READ' });
    await expect(refused).rejects.toBeInstanceOf(LinkError);
    await expect(refused).rejects.toMatchObject({ condition: 'amqp:not-found' });
  });
});

describe('a node that behaves otherwise', () => {
  it('gets no answer out in time: the request times out and the next one works', async () => {
    const { connection } = await playedNode(({ applicationProperties }) =>
      applicationProperties?.['operation'] === 'READ' ? undefined : { applicationProperties: { statusCode: 200 } },
    );
    const client = connection.createManagementClient({ node: 'node' });
    await expect(client.request({ operation: 'READ', timeoutMs: 60 })).rejects.toBeInstanceOf(RequestTimeoutError);
    expect(await client.request({ operation: 'WRITE' })).toMatchObject({ statusCode: 200 });
  });

  it('answers without a status: that request alone fails', async () => {
    const { connection } = await playedNode(({ applicationProperties }) => ({
      applicationProperties: applicationProperties?.['type'] === 'odd' ? { statusCode: 'fine' } : { statusCode: 204n },
    }));
    const client = connection.createManagementClient({ node: 'node' });
    const [odd, good] = await Promise.allSettled([
      client.request({ operation: 'READ', type: 'odd' }),
      client.request({ operation: 'READ' }),
    ]);
    expect(odd).toMatchObject({ status: 'rejected', reason: expect.any(DecodeError) });
    expect(good).toMatchObject({ status: 'fulfilled', value: { statusCode: 204 } });
  });

  it('names its fields otherwise', async () => {
    const { connection } = await playedNode(() => ({
      applicationProperties: { 'status-code': 409, 'error-text': 'no' },
    }));
    const client = connection.createManagementClient({
      node: 'node',
      statusCodeField: 'status-code',
      descriptionFields: ['status-description', 'error-text'],
    });
    await expect(client.request({ operation: 'READ' })).rejects.toMatchObject({ statusCode: 409, description: 'no' });
  });

  it('does not take the request', async () => {
    const outcome = { kind: 'rejected', condition: 'amqp:not-allowed', description: 'go away' } as const;
    const { connection } = await playedNode(() => undefined, outcome);
    const client = connection.createManagementClient({ node: 'node' });
    const refused = client.request({ operation: 'READ' });
    await expect(refused).rejects.toBeInstanceOf(SendError);
    await expect(refused).rejects.toMatchObject({ code: 'rejected', condition: 'amqp:not-allowed', delivered: 'no' });
  });

  it('is lost with the connection: what is in flight fails at once, and what comes later is answered', async () => {
    const node = await playedNode(({ applicationProperties }) =>
      applicationProperties?.['operation'] === 'READ' ? undefined : { applicationProperties: { statusCode: 200 } },
    );
    const client = node.connection.createManagementClient({ node: 'node' });
    const inFlight = client.request({ operation: 'READ' });
    const lost = expect(inFlight).rejects.toBeInstanceOf(ConnectionError);
    await eventually('the request arrived', () => node.requests.length === 1);
    node.connections[0]?.destroy();
    await lost;
    await expect(inFlight).rejects.toMatchObject({ code: 'connection-lost' });
    expect(await client.request({ operation: 'WRITE' })).toMatchObject({ statusCode: 200 });
  });

  it('still owes an answer when the client closes: the request fails at once', async () => {
    const node = await playedNode(() => undefined);
    const client = node.connection.createManagementClient({ node: 'node' });
    const waiting = client.request({ operation: 'READ' });
    const closed = expect(waiting).rejects.toBeInstanceOf(ClientClosedError);
    await eventually('the request arrived', () => node.requests.length === 1);
    await client.close();
    await closed;
  });

  it('is asked with the operation, the type and an address for its answer', async () => {
    const node = await playedNode(() => ({ applicationProperties: { statusCode: 200 } }));
    const client = node.connection.createManagementClient({ node: 'node' });
    const applicationProperties = { name: 'orders', operation: 'not this one' };
    await client.request({ operation: 'READ', type: 'queue', applicationProperties, body: { depth: 1 } });
    expect(node.requests[0]).toMatchObject({
      applicationProperties: { operation: 'READ', type: 'queue', name: 'orders' },
      properties: { messageId: expect.any(String), replyTo: expect.stringMatching(/^management-/), to: 'node' },
      body: { depth: 1 },
      bodyType: 'value',
    });
  });

  it('does not even answer the attach: the time-out of the request covers that too', async () => {
    const { connection } = await playedNode(() => undefined, { kind: 'accepted' }, { attaches: false });
    const client = connection.createManagementClient({ node: 'node', timeoutMs: 60 });
    await expect(client.request({ operation: 'READ' })).rejects.toBeInstanceOf(RequestTimeoutError);
  });

  it.each(['ubyte', 'ushort', 'uint', 'ulong', 'byte', 'short', 'int', 'long'] as const)(
    'writes its status as %s',
    async (type) => {
      const status = type === 'byte' ? 100 : 202;
      const { connection } = await playedNode(() => ({ applicationProperties: { statusCode: amqp[type](status) } }));
      const client = connection.createManagementClient({ node: 'node', raw: true });
      expect((await client.request({ operation: 'READ' })).statusCode).toBe(status);
    },
  );

  it('makes a UUID of the id that it answers to: the answer is taken', async () => {
    const { connection } = await playedNode(({ properties }) => ({
      properties: { correlationId: new Uuid(String(properties?.messageId)) },
      applicationProperties: { statusCode: 200 },
    }));
    const client = connection.createManagementClient({ node: 'node', timeoutMs: 2_000 });
    expect(await client.request({ operation: 'READ' })).toMatchObject({ statusCode: 200 });
  });

  it('answers what nobody asked: it is dropped, and the answer after it is taken', async () => {
    const applicationProperties = { statusCode: 500 };
    const { connection } = await playedNode(() => [
      { properties: { correlationId: 'of somebody else' }, applicationProperties },
      { properties: { correlationId: 0n }, applicationProperties },
      { properties: {}, applicationProperties },
      { applicationProperties: { statusCode: 200 } },
      { applicationProperties },
    ]);
    const client = connection.createManagementClient({ node: 'node' });
    for (let n = 0; n < 2; n++) expect(await client.request({ operation: 'READ' })).toMatchObject({ statusCode: 200 });
  });

  it('answers before it settles the request: the answer counts', async () => {
    const answer = { applicationProperties: { statusCode: 200 } };
    const { connection } = await playedNode(() => answer, { kind: 'released' }, { answersFirst: true });
    const client = connection.createManagementClient({ node: 'node' });
    for (let n = 0; n < 2; n++) expect(await client.request({ operation: 'READ' })).toMatchObject({ statusCode: 200 });
  });
});
