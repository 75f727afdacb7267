import { describe, expect, it } from '@jest/globals';
import { BrokerConnection } from '../../../lib/broker/link/broker-connection.js';
import { Claims } from '../../../lib/broker/service/claims.js';
import { QueueManagement } from '../../../lib/broker/service/queue-management.js';
import { RabbitManagement } from '../../../lib/broker/service/rabbit-management.js';
import type { AcceptedConnection, AmqpMessage } from '../../../lib/protocol/acceptor/index.js';
import { content, FakeBroker } from './support/fake-nodes.js';

function connection(broker: FakeBroker): BrokerConnection {
  const accepted: AcceptedConnection = {
    peer: {
      containerId: 'test',
      hostname: undefined,
      maxFrameSize: 512,
      channelMax: 0,
      idleTimeoutMs: undefined,
      properties: {},
      offeredCapabilities: [],
    },
    close: () => undefined,
    destroy: () => undefined,
  };
  return new BrokerConnection(accepted, broker.router);
}

class Management {
  readonly broker = new FakeBroker();
  readonly #service = new RabbitManagement(this.broker.nodes);
  readonly #connection = connection(this.broker);

  ask(method: string, path: string, body: unknown = null, from = this.#connection): { status: string; body: unknown } {
    const message: AmqpMessage = { properties: { subject: method, to: path }, body, bodyType: 'value' };
    const answer = this.#service.answer(message, from);
    return { status: answer.subject ?? '', body: answer.body };
  }
}

describe('/management, queues', () => {
  it('declares, finds, counts, purges and deletes', () => {
    const management = new Management();
    expect(management.ask('GET', '/queues/a').status).toBe('404');
    const declaration = { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 4 } };
    expect(management.ask('PUT', '/queues/a', declaration).status).toBe('201');
    expect(management.ask('PUT', '/queues/a', declaration).status).toBe('200');
    management.broker.nodes.queue('a')?.publish(content());
    const { status, body } = management.ask('GET', '/queues/a');
    expect(status).toBe('200');
    expect(body).toMatchObject({ name: 'a', durable: true, exclusive: false, auto_delete: false, type: 'quorum' });
    expect(body).toMatchObject({ arguments: { 'x-delivery-limit': 4 }, message_count: { value: 1 } });
    expect(management.broker.nodes.queue('a')?.settings.maxDeliveries).toBe(5);
    expect(management.ask('DELETE', '/queues/a/messages')).toMatchObject({
      status: '200',
      body: { message_count: { value: 1 } },
    });
    expect(management.ask('DELETE', '/queues/a').status).toBe('200');
    expect(management.ask('DELETE', '/queues/a')).toMatchObject({
      status: '200',
      body: { message_count: { value: 0 } },
    });
    expect(management.ask('DELETE', '/queues/a/messages').status).toBe('404');
  });

  it('takes names percent-encoded', () => {
    const management = new Management();
    management.ask('PUT', '/queues/a%2Fb%3F%20%C3%BC', {});
    expect(management.broker.nodes.queue('a/b? ü')).toBeDefined();
  });

  it.each<[string, object, object]>([
    ['durable', { durable: true }, { durable: false }],
    ['x-max-length', { arguments: { 'x-max-length': 5 } }, { arguments: { 'x-max-length': 6 } }],
    ['x-max-length', { arguments: {} }, { arguments: { 'x-max-length': 6 } }],
    ['x-whatever', { arguments: { 'x-whatever': 'a' } }, { arguments: {} }],
    ['x-queue-type', { arguments: { 'x-queue-type': 'classic' } }, { arguments: { 'x-queue-type': 'quorum' } }],
  ])('answers 409 to another declaration and names what differs: %s', (field, first, second) => {
    const management = new Management();
    management.ask('PUT', '/queues/a', first);
    const answer = management.ask('PUT', '/queues/a', second);
    expect(answer.status).toBe('409');
    expect(answer.body).toContain(`inequivalent arg '${field}' for queue 'a'`);
  });

  it('does not mind a type where the other declaration names none, nor bigints', () => {
    const management = new Management();
    management.ask('PUT', '/queues/a', { arguments: { 'x-max-length': 5 } });
    const again = { arguments: { 'x-queue-type': 'quorum', 'x-max-length': 5n } };
    expect(management.ask('PUT', '/queues/a', again).status).toBe('200');
  });

  it('lets the first declaration say how a queue shall be that only an attach made', () => {
    const management = new Management();
    management.broker.nodes.autoCreateQueue('a');
    expect(management.ask('PUT', '/queues/a', { arguments: { 'x-max-length': 5 } }).status).toBe('200');
    expect(management.ask('PUT', '/queues/a', {}).status).toBe('409');
  });

  it('keeps an exclusive queue from other connections', () => {
    const management = new Management();
    management.ask('PUT', '/queues/a', { exclusive: true });
    const other = connection(management.broker);
    for (const [method, path] of [
      ['GET', '/queues/a'],
      ['PUT', '/queues/a'],
      ['DELETE', '/queues/a'],
    ] as const)
      expect(management.ask(method, path, { exclusive: true }, other).status).toBe('400');
    expect(management.ask('GET', '/queues/a').status).toBe('200');
  });
});

describe('/management, exchanges and bindings', () => {
  it('declares, binds, lists, unbinds and deletes', () => {
    const management = new Management();
    management.ask('PUT', '/queues/q', {});
    expect(management.ask('PUT', '/exchanges/x', { type: 'topic' }).status).toBe('204');
    expect(management.ask('PUT', '/exchanges/x', { type: 'topic' }).status).toBe('204');
    expect(management.ask('PUT', '/exchanges/x', { type: 'fanout' }).status).toBe('409');
    const binding = { source: 'x', binding_key: 'a;b=c', destination_queue: 'q', arguments: { kind: 'k' } };
    expect(management.ask('POST', '/bindings', binding).status).toBe('204');
    expect(management.ask('POST', '/bindings', binding).status).toBe('204');
    const listed = management.ask('GET', '/bindings?src=x&dstq=q&key=a%3Bb%3Dc');
    expect(listed.body).toMatchObject([{ source: 'x', destination_queue: 'q', binding_key: 'a;b=c' }]);
    const [{ location }] = listed.body as [{ location: string }];
    expect(management.ask('DELETE', '/bindings/src=x;dstq=q;key=a%3Bb%3Dc;args=').status).toBe('204');
    expect(management.broker.nodes.exchange('x')?.bindings).toHaveLength(1);
    expect(management.ask('DELETE', location).status).toBe('204');
    expect(management.broker.nodes.exchange('x')?.bindings).toHaveLength(0);
    expect(management.ask('DELETE', location).status).toBe('204');
    expect(management.ask('DELETE', '/exchanges/x').status).toBe('204');
    expect(management.ask('DELETE', '/exchanges/x').status).toBe('204');
  });

  it('binds exchanges to exchanges', () => {
    const management = new Management();
    const binding = { source: 'amq.topic', destination_exchange: 'amq.fanout', binding_key: '#' };
    expect(management.ask('POST', '/bindings', binding).status).toBe('204');
    expect(management.ask('GET', '/bindings?src=amq.topic&dste=amq.fanout&key=%23').body).toMatchObject([
      { destination_exchange: 'amq.fanout' },
    ]);
  });
});

describe('/management, what cannot be', () => {
  it.each<[string, string, string, unknown]>([
    ['404', 'GET', '/foo', null],
    ['404', 'PUT', '/auth/tokens', null],
    ['404', 'GET', '/', null],
    ['404', 'GET', '/queues', null],
    ['404', 'GET', '/queues/a/b/c', null],
    ['404', 'GET', '/constructor/__proto__', null],
    ['405', 'PATCH', '/queues/a', null],
    ['405', 'GET', '/queues/a/messages', null],
    ['405', 'DELETE', '/bindings', null],
    ['405', 'GET', '/exchanges/x', null],
    ['400', 'PUT', 'queues/a', null],
    ['400', 'PUT', '/queues/', {}],
    ['400', 'PUT', '/queues/%', {}],
    ['400', 'PUT', '/queues/a%0Ab', {}],
    ['400', 'PUT', `/queues/${'x'.repeat(256)}`, {}],
    ['400', 'PUT', '/queues/a', []],
    ['400', 'PUT', '/queues/a', 'text'],
    ['400', 'PUT', '/queues/a', new Map([[1, 2]])],
    ['400', 'PUT', '/queues/a', { durable: 'yes' }],
    ['400', 'PUT', '/queues/a', { durabel: true }],
    ['400', 'PUT', '/queues/a', { arguments: [] }],
    ['400', 'PUT', '/queues/a', { arguments: { 'x-max-length': -1 } }],
    ['400', 'PUT', '/queues/a', { arguments: { 'x-queue-type': 'stream' } }],
    ['400', 'PUT', '/queues/a', { arguments: { 'x-overflow': 'never' } }],
    ['403', 'PUT', '/queues/amq.mine', {}],
    ['403', 'PUT', '/exchanges/amq.mine', { type: 'direct' }],
    ['403', 'DELETE', '/exchanges/amq.topic', null],
    ['403', 'PUT', '/exchanges/', { type: 'direct' }],
    ['400', 'PUT', '/exchanges/x', { type: 'queue' }],
    ['404', 'POST', '/bindings', { source: 'nope', destination_queue: 'q' }],
    ['404', 'POST', '/bindings', { source: 'amq.topic', destination_queue: 'nope' }],
    ['400', 'POST', '/bindings', { source: 'amq.topic' }],
    ['403', 'POST', '/bindings', { source: '', destination_queue: 'q' }],
    ['400', 'GET', '/bindings?src=amq.topic', null],
    ['400', 'DELETE', '/bindings/nonsense', null],
    ['400', 'DELETE', '/bindings/src=%', null],
  ])('answers %s to %s %s', (status, method, path, body) => {
    const management = new Management();
    expect(management.ask(method, path, body)).toMatchObject({ status, body: expect.any(String) });
  });

  it('answers 400 to a request without method or path', () => {
    const management = new RabbitManagement(new FakeBroker().nodes);
    const answer = management.answer({ body: null, bodyType: 'value' }, connection(new FakeBroker()));
    expect(answer.subject).toBe('400');
  });
});

describe('$management', () => {
  const ask = (broker: FakeBroker, applicationProperties: Record<string, unknown>): unknown => {
    const message: AmqpMessage = { applicationProperties, body: null, bodyType: 'value' };
    const answer = new QueueManagement(broker.nodes).answer(message);
    return { status: answer.applicationProperties['statusCode'], body: answer.body };
  };

  it('reads and queries queues', () => {
    const broker = new FakeBroker();
    broker.queue('a').publish(content());
    const queue = { name: 'a', messages: 1, consumers: 0 };
    expect(ask(broker, { operation: 'READ', type: 'queue', name: 'a' })).toEqual({ status: 200, body: queue });
    expect(ask(broker, { operation: 'QUERY', type: 'queue' })).toEqual({
      status: 200,
      body: { attributeNames: ['name', 'messages', 'consumers'], results: [['a', 1, 0]] },
    });
  });

  it.each<[number, Record<string, unknown>]>([
    [404, { operation: 'READ', type: 'queue', name: 'nope' }],
    [400, { operation: 'READ', type: 'queue' }],
    [501, { operation: 'DELETE', type: 'queue', name: 'a' }],
    [501, { operation: 'READ', type: 'exchange', name: 'a' }],
    [501, {}],
  ])('answers %i to %j', (status, properties) => {
    expect(ask(new FakeBroker(), properties)).toMatchObject({ status });
  });
});

describe('$cbs', () => {
  const put = (claims: Claims, from: BrokerConnection, properties: object = {}, body: unknown = 'token'): unknown => {
    const applicationProperties = { operation: 'put-token', type: 'jwt', name: 'amqp://host/orders', ...properties };
    return claims.answer({ applicationProperties, body, bodyType: 'value' }, from).applicationProperties['status-code'];
  };

  it('takes any token without a validator, until the time it says', () => {
    const from = connection(new FakeBroker());
    const claims = new Claims(undefined, () => undefined);
    expect(put(claims, from, { expiration: new Date(5_000) })).toBe(202);
    expect(from.tokens.expiresAt).toBe(5_000);
    expect(put(claims, from, { expiration: undefined }, 'SharedAccessSignature sr=x&sig=y&se=1700000000&skn=z')).toBe(
      202,
    );
    expect(from.tokens.expiresAt).toBe(1_700_000_000_000);
  });

  it('gives the validator what was put and keeps what it refuses', () => {
    const from = connection(new FakeBroker());
    const seen: unknown[] = [];
    const claims = new Claims(
      (token) => {
        seen.push(token);
        return { statusCode: 401, description: 'no' };
      },
      () => undefined,
    );
    expect(put(claims, from)).toBe(401);
    expect(seen).toEqual([{ token: 'token', audience: 'amqp://host/orders', type: 'jwt' }]);
    expect(from.tokens.expiresAt).toBe(-Infinity);
  });

  it('answers 500 without the text of the error when the validator throws', () => {
    const from = connection(new FakeBroker());
    const claims = new Claims(
      ({ token }) => {
        throw new TypeError(`bad ${token}`);
      },
      () => undefined,
    );
    const properties = { operation: 'put-token', type: 'jwt', name: 'a' };
    const answer = claims.answer({ applicationProperties: properties, body: 'secret', bodyType: 'value' }, from);
    expect(answer.applicationProperties).toMatchObject({ 'status-code': 500 });
    expect(JSON.stringify(answer)).not.toContain('secret');
  });

  it.each<[number, object, unknown]>([
    [501, { operation: 'delete-token' }, 'token'],
    [400, { name: undefined }, 'token'],
    [400, {}, 5],
  ])('answers %i to %j', (status, properties, body) => {
    expect(put(new Claims(undefined, () => undefined), connection(new FakeBroker()), properties, body)).toBe(status);
  });
});
