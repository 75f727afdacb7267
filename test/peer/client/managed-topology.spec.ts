import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker, type InjectedFault } from '../../../lib/broker/index.js';
import { AmqpConnection, TopologyError, type QueueDeclaration } from '../../../lib/client/index.js';

/** What stands at a management that answers as Artemis does: each field a text, as it lists them. */
class Management {
  readonly queues = new Map<string, Record<string, string>>();
  readonly calls: string[] = [];
  /** Answers this, whatever is asked. */
  garbage: string | undefined = undefined;
  isSilent = false;

  answer(resource: string, operation: string, parameters: readonly unknown[]): { ok: boolean; result: unknown } {
    this.calls.push(operation);
    const [first] = parameters;
    switch (operation) {
      case 'listQueues': {
        const { value } = JSON.parse(String(first)) as { value: string };
        const found = this.queues.get(value);
        return { ok: true, result: JSON.stringify({ data: found === undefined ? [] : [found] }) };
      }
      case 'createQueue': {
        const asked = JSON.parse(String(first)) as Record<string, string | number | boolean | undefined>;
        const name = String(asked['name']);
        if (this.queues.has(name)) return { ok: false, result: `AMQ229019: Queue ${name} already exists` };
        this.queues.set(name, {
          name,
          address: String(asked['address']),
          routingType: String(asked['routing-type']),
          durable: String(asked['durable']),
          ringSize: String(asked['ring-size'] ?? -1),
          autoDelete: String(asked['auto-delete'] ?? false),
          messageCount: '0',
          consumerCount: '0',
        });
        return { ok: true, result: '{}' };
      }
      case 'destroyQueue': {
        const [name, endsConsumers] = parameters;
        const queue = this.queues.get(String(name));
        if (endsConsumers !== true && queue?.['consumerCount'] !== '0') return { ok: false, result: 'AMQ229025' };
        this.queues.delete(String(name));
        return { ok: true, result: undefined };
      }
      case 'removeAllMessages':
        return { ok: true, result: Number(this.queues.get(resource.slice('queue.'.length))?.['messageCount']) };
      case 'getAddressSettingsAsJSON':
        return { ok: true, result: JSON.stringify({ deadLetterAddress: 'DLQ' }) };
      default:
        return { ok: false, result: `AMQ229069: no operation ${operation}` };
    }
  }
}

describe("the topology of a peer with Artemis' management", () => {
  let broker: EmbeddedBroker;
  let node: AmqpConnection;
  let connection: AmqpConnection;
  let management: Management;

  beforeEach(async () => {
    broker = await EmbeddedBroker.start({ queues: ['activemq.management'] });
    management = new Management();
    node = new AmqpConnection(broker.uri);
    const answers = node.createSendClient(null);
    node.createReceiveClient('activemq.management').subscribe(async ({ properties, applicationProperties, body }) => {
      if (management.isSilent) return;
      const { _AMQ_ResourceName: resource, _AMQ_OperationName: operation } = applicationProperties ?? {};
      const parameters = JSON.parse(String(body)) as unknown[];
      const { ok, result } = management.answer(String(resource), String(operation), parameters);
      const text = management.garbage ?? (result === undefined ? null : JSON.stringify([result]));
      const correlationId = properties?.correlationId ?? '';
      const options = {
        correlationId,
        applicationProperties: { _AMQ_OperationSucceeded: ok },
        bodyType: 'value',
      } as const;
      await answers.send(text, { ...options, to: properties?.replyTo ?? '' });
    });
    connection = new AmqpConnection({ uri: broker.uri, profile: 'artemis', connectTimeoutMs: 2_000 });
  });

  afterEach(async () => {
    await Promise.all([node.close(), connection.close({ timeoutMs: 500 })]);
    await broker.stop();
  });

  const errorOf = async (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (reason: unknown) => reason,
    );

  it('makes queues that are missing, and leaves those that stand', async () => {
    const { topology } = connection;
    const news: QueueDeclaration = { name: 'audit', arguments: { address: 'news', 'routing-type': 'MULTICAST' } };
    await topology.declare({ queues: ['a', { name: 'b', maxLength: 5, autoDelete: true }, news] });
    await topology.declare({ queues: ['a', 'b', { name: 'b', maxLength: 5 }, news, { name: 'a', passive: true }] });
    expect(management.calls.filter((call) => call === 'createQueue')).toHaveLength(3);
    expect(management.queues.get('a')).toMatchObject({ address: 'a', routingType: 'ANYCAST', durable: 'true' });
    expect(management.queues.get('b')).toMatchObject({ ringSize: '5', autoDelete: 'true' });
    expect(management.queues.get('audit')).toMatchObject({ address: 'news', routingType: 'MULTICAST' });
    await topology.check({ queues: ['a', news] });
    expect(await errorOf(topology.check({ queues: ['nope'] }))).toMatchObject({ code: 'not-found' });
  });

  it('shows both definitions of a queue that stands otherwise', async () => {
    const { topology } = connection;
    await topology.declare({ queues: [{ name: 'b', maxLength: 5 }] });
    const error = await errorOf(topology.declare({ queues: [{ name: 'b', maxLength: 6 }] }));
    expect(error).toMatchObject({ code: 'conflict', declared: { maxLength: 6 }, existing: { ringSize: '5' } });
    expect(String(error)).toContain('ring-size is "5", asked was "6"');
  });

  it('tells what is in a queue, empties and deletes it', async () => {
    const { topology } = connection;
    await topology.declare({ queues: ['a'] });
    Object.assign(management.queues.get('a') ?? {}, { messageCount: '7', consumerCount: '1' });
    expect(await topology.inspect('a')).toMatchObject({
      messageCount: 7,
      consumerCount: 1,
      durable: true,
      autoDelete: false,
      deadLetters: true,
    });
    expect(await topology.purge('a')).toBe(7);
    expect(await errorOf(topology.deleteQueue('a', { ifEmpty: true }))).toMatchObject({ code: 'in-use' });
    expect(await errorOf(topology.deleteQueue('a', { ifUnused: true }))).toMatchObject({ code: 'in-use' });
    expect(await topology.deleteQueue('address::a')).toBe(7);
    expect(await topology.deleteQueue('a')).toBe(0);
    for (const work of [topology.inspect('a'), topology.purge('a')])
      expect(await errorOf(work)).toMatchObject({ code: 'not-found' });
  });

  it.each<[string, QueueDeclaration, string]>([
    ['messageTtlMs', { name: 'q', messageTtlMs: 5 }, 'max-expiry-delay'],
    ['deadLetterExchange', { name: 'q', deadLetterExchange: 'e' }, 'dead-letter-address'],
    ['deliveryLimit', { name: 'q', deliveryLimit: 3 }, 'max-delivery-attempts'],
    ['overflow', { name: 'q', maxLength: 3, overflow: 'reject-publish' }, 'address-full-policy FAIL'],
    ['exclusive', { name: 'q', exclusive: true }, 'a dynamic source'],
    ['type', { name: 'q', type: 'quorum' }, 'one kind of queue'],
    ['maxPriority', { name: 'q', maxPriority: 10 }, '0 to 9'],
  ])('refuses %s of a queue, and says where it is set', async (what, queue, instead) => {
    const error = await errorOf(connection.topology.declare({ queues: [queue] }));
    expect(error).toBeInstanceOf(TopologyError);
    expect(error).toMatchObject({ code: 'unsupported' });
    expect(String(error)).toContain(`${what} of queue "q"`);
    expect(String(error)).toContain(instead);
    expect(management.calls).not.toContain('createQueue');
  });

  it('refuses exchanges and bindings by name', async () => {
    const { topology } = connection;
    const binding = { exchange: 'e', queue: 'q' };
    const refused = [
      topology.declare({ exchanges: [{ name: 'e', type: 'topic' }] }),
      topology.check({ bindings: [binding] }),
      topology.bind(binding),
      topology.unbind(binding),
      topology.deleteExchange('e'),
    ];
    for (const work of refused) expect(await errorOf(work)).toMatchObject({ code: 'unsupported' });
  });

  it('is left to attaching where requests are rejected: this user may not manage', async () => {
    broker.queue('activemq.management').inject({ kind: 'reject', condition: 'failed', times: 2 });
    await connection.topology.declare({ queues: ['by-attaching'] });
    expect(broker.queues().map(({ name }) => name)).toContain('by-attaching');
    const error = await errorOf(connection.topology.inspect('by-attaching'));
    expect(error).toMatchObject({ name: 'TopologyError', code: 'unsupported', condition: 'failed' });
    expect(String(error)).toContain('a request to activemq.management was rejected: failed');
    expect(management.calls).toEqual([]);
  });

  it.each<[string, InjectedFault]>([
    ['released', { kind: 'release' }],
    ['rejected for want of room', { kind: 'reject', condition: 'amqp:resource-limit-exceeded' }],
    ['rejected without a reason', { kind: 'reject' }],
  ])('is not left to attaching where a request is %s', async (_how, fault) => {
    broker.queue('activemq.management').inject(fault);
    const error = await errorOf(connection.topology.declare({ queues: ['by-attaching'] }));
    expect(error).toMatchObject({ name: 'LinkError', code: 'request-refused', retryable: true });
    expect(broker.queues().map(({ name }) => name)).not.toContain('by-attaching');
    await connection.topology.declare({ queues: ['managed'] });
    expect(management.queues.has('managed')).toBe(true);
  });

  it('is left to attaching where this user may not manage, by the condition of the specification', async () => {
    broker.queue('activemq.management').inject({ kind: 'reject', condition: 'amqp:unauthorized-access' });
    await connection.topology.declare({ queues: ['by-attaching'] });
    expect(broker.queues().map(({ name }) => name)).toContain('by-attaching');
  });

  it('does not believe an answer that is none, and asks on', async () => {
    management.garbage = 'no JSON';
    expect(await errorOf(connection.topology.inspect('a'))).toMatchObject({ name: 'DecodeError' });
    management.garbage = JSON.stringify(['{"data":7}']);
    expect(await errorOf(connection.topology.inspect('a'))).toMatchObject({ code: 'not-found' });
    management.garbage = undefined;
    await connection.topology.declare({ queues: ['a'] });
    expect(await connection.topology.inspect('a')).toMatchObject({ name: 'a' });
  });

  it('waits for an answer that does not come no longer than it may, and keeps the connection', async () => {
    management.isSilent = true;
    const error = await errorOf(connection.topology.inspect('a'));
    expect(error).toMatchObject({ name: 'AmqpTimeoutError', code: 'timeout' });
    expect(connection.status).toBe('connected');
    management.isSilent = false;
    expect(await errorOf(connection.topology.inspect('a'))).toMatchObject({ code: 'not-found' });
  }, 20_000);
});

describe('a management that is not there', () => {
  it('leaves what an attach can do, and the rest is refused with the reason', async () => {
    const broker = await EmbeddedBroker.start({ autoCreateQueues: false, queues: ['a'] });
    const connection = new AmqpConnection({ uri: broker.uri, profile: 'artemis' });
    await connection.createSendClient('a').sendBatch([1, 2]);
    await connection.topology.declare({ queues: ['a'] });
    expect(await connection.topology.purge('a')).toBe(2);
    const error = await connection.topology.inspect('a').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'unsupported', condition: 'amqp:not-found' });
    expect(String(error)).toContain('its management at activemq.management');
    await connection.close();
    await broker.stop();
  });
});
