// The peers that the stories run on: the embedded broker, and each real one that answers on its port.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedBroker } from '../../lib/broker/index.js';
import {
  AmqpConnection,
  type ConnectionOptions,
  type QueueDeclaration,
  type ReceivedMessage,
  type Source,
} from '../../lib/client/index.js';
import { BROKERS, type BrokerEntry } from '../../scripts/brokers/catalogue.mjs';
import { portIsOpen, signalAndWait, TLS } from '../../scripts/brokers/processes.mjs';

export type QueueKind = 'default' | 'classic' | 'quorum';

/** One peer and what a story needs to do with it from outside. */
export interface Peer {
  readonly name: string;
  readonly product: string;
  readonly uri: string;
  readonly tls: { readonly uri: string; readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** For a user who may connect, and nothing else; `undefined`: every user may do everything. */
  readonly nobodyUri: string | undefined;
  /** Kinds of queues that differ in how they count. */
  readonly queueKinds: readonly QueueKind[];
  connect(options?: Partial<ConnectionOptions>): Promise<AmqpConnection>;
  /** Makes a durable queue with a name of its own and returns it; with its dead-letter queue where asked. */
  queue(connection: AmqpConnection, options?: QueueWish): Promise<TestQueue>;
  /** SIGKILL and start again; `undefined`: has no process of its own. */
  readonly crash: (() => Promise<void>) | undefined;
  /** Clean stop and start again. */
  readonly restart: (() => Promise<void>) | undefined;
  /** Runs out of memory, or says so, for this long and no longer, whatever becomes of us; `undefined`: has no such alarm. */
  readonly alarm?: ((forMs: number) => void) | undefined;
  close(): Promise<void>;
}

export interface QueueWish {
  readonly kind?: QueueKind;
  readonly deadLetters?: boolean;
  /** The declaration is on disk when it resolves. */
  readonly outlivesKill?: boolean;
  readonly declaration?: Omit<QueueDeclaration, 'name'>;
}

export interface TestQueue {
  readonly name: string;
  /** Where its dead letters go; only when asked for, or where the peer has it anyway. */
  readonly deadLetterQueue: string | undefined;
}

/** Closes the connection after the work, whatever it did. */
export async function withConnection<T>(
  peer: Peer,
  work: (connection: AmqpConnection) => Promise<T>,
  options?: Partial<ConnectionOptions>,
): Promise<T> {
  const connection = await peer.connect(options);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** Takes and accepts what a queue holds, until none came for `quietMs`. */
export async function drainQueue(
  connection: AmqpConnection,
  source: Source,
  { atLeast = 0, quietMs = 700 }: { readonly atLeast?: number; readonly quietMs?: number } = {},
): Promise<ReceivedMessage[]> {
  const client = connection.createReceiveClient(source, { prefetch: 200 });
  const taken: ReceivedMessage[] = [];
  for (;;) {
    const waitMs = taken.length < atLeast ? 15_000 : quietMs;
    const batch = await client.receiveBatch({ maxMessages: 100, waitMs });
    if (batch.length === 0) break;
    await Promise.all(batch.map((message) => message.accept()));
    taken.push(...batch);
  }
  await client.close();
  return taken;
}

let counter = 0;
const run = `${process.pid.toString(36)}${Date.now().toString(36)}`;
/** A name that no other test of any run has used. */
export function uniqueName(prefix = 'story'): string {
  counter += 1;
  return `${prefix}-${run}-${counter}`;
}

/** The embedded broker on a port of its own. */
export async function embeddedPeer(): Promise<Peer> {
  const broker = await EmbeddedBroker.start({});
  return {
    name: 'embedded',
    product: 'embedded broker',
    uri: broker.uri,
    tls: undefined,
    nobodyUri: undefined,
    queueKinds: ['default'],
    connect: (options) => opened({ uri: broker.uri, ...options }),
    queue: declaredQueue,
    crash: undefined,
    restart: undefined,
    close: () => broker.stop(),
  };
}

/** The real brokers, those that are up and those that are not. */
export async function realPeers(): Promise<{ readonly up: Peer[]; readonly down: string[] }> {
  const up: Peer[] = [];
  const down: string[] = [];
  for (const broker of BROKERS) {
    if (await portIsOpen(broker.port)) up.push(realPeer(broker));
    else down.push(broker.name);
  }
  return { up, down };
}

/** RabbitMQ's log of declarations (Erlang's disk_log) is up to two seconds in memory: killed in that time it forgets the queue itself. */
const ON_DISK_MS = 2_500;

function realPeer(broker: BrokerEntry): Peer {
  const uri = `amqp://guest:guest@127.0.0.1:${broker.port}`;
  const make =
    broker.name === 'rabbitmq-3'
      ? controlledQueue(broker)
      : broker.name === 'rabbitmq-4' || broker.name === 'qpid'
        ? declaredQueue
        : foundQueue(broker.name);
  return {
    name: broker.name,
    product: broker.product,
    uri,
    tls: broker.tlsPort === undefined ? undefined : tlsOf(broker.tlsPort),
    nobodyUri: uri.replace('guest:guest', 'nobody:nobody'),
    queueKinds: broker.name.startsWith('rabbitmq') ? ['classic', 'quorum'] : ['default'],
    connect: (options) => opened({ uri, ...options }),
    queue: async (connection, wish) => {
      const queue = await make(connection, wish);
      if (wish?.outlivesKill === true) await new Promise((resolve) => setTimeout(resolve, ON_DISK_MS));
      return queue;
    },
    crash: () => comeBack(broker, () => signalAndWait(broker.name, 'SIGKILL', 10_000)),
    restart: () => comeBack(broker, () => broker.stop()),
    alarm: broker.name === 'rabbitmq-4' ? (forMs) => raiseAlarm(broker, forMs) : undefined,
    close: () => Promise.resolve(),
  };
}

/** The broker itself lifts the alarm again. It starts a little later, so that the tool has ended by then. */
function raiseAlarm(broker: BrokerEntry, forMs: number): void {
  const limit = (value: string): string => `vm_memory_monitor:set_vm_memory_high_watermark(${value})`;
  const raised = `try ${limit('0.0000001')}, timer:sleep(${forMs}) after ${limit('Before')} end`;
  const later = `spawn(fun() -> timer:sleep(1500), ${raised} end), ok.`;
  broker.control?.([
    'rabbitmqctl',
    '-q',
    'eval',
    `Before = vm_memory_monitor:get_vm_memory_high_watermark(), ${later}`,
  ]);
}

async function comeBack(broker: BrokerEntry, end: () => Promise<void>): Promise<void> {
  await end();
  await broker.start();
}

function tlsOf(port: number): Peer['tls'] {
  const read = (name: string): Buffer => readFileSync(join(TLS, name));
  return {
    uri: `amqps://guest:guest@localhost:${port}`,
    ca: read('ca.pem'),
    cert: read('client.pem'),
    key: read('client.key'),
  };
}

async function opened(options: ConnectionOptions): Promise<AmqpConnection> {
  const connection = new AmqpConnection({ bootTimeoutMs: 15_000, ...options });
  await connection.open();
  return connection;
}

/** The embedded broker, RabbitMQ 4 and Qpid: through their management. */
async function declaredQueue(connection: AmqpConnection, wish: QueueWish = {}): Promise<TestQueue> {
  // On Qpid a message is dead when its deliveries are used up, and not before.
  const needsLimit = connection.peer?.profile === 'qpid';
  const name = uniqueName();
  const deadLetterQueue = wish.deadLetters === true ? `${name}.dead` : undefined;
  const type = wish.kind === undefined || wish.kind === 'default' ? {} : { type: wish.kind };
  const deadLetters =
    deadLetterQueue === undefined
      ? {}
      : { deadLetterExchange: '', deadLetterRoutingKey: deadLetterQueue, ...(needsLimit ? { deliveryLimit: 10 } : {}) };
  await connection.topology.declare({
    queues: [
      ...(deadLetterQueue === undefined ? [] : [{ name: deadLetterQueue }]),
      { name, ...type, ...deadLetters, ...wish.declaration },
    ],
  });
  return { name, deadLetterQueue };
}

/** RabbitMQ 3: no AMQP 1.0 way to declare; its own tool does it. */
function controlledQueue(broker: BrokerEntry): Peer['queue'] {
  return (_connection, wish = {}) => {
    const name = uniqueName();
    const deadLetterQueue = wish.deadLetters === true ? `${name}.dead` : undefined;
    const declare = (queue: string, table: string): void => {
      const resource = `rabbit_misc:r(<<"/">>, queue, <<"${queue}">>)`;
      broker.control?.([
        'rabbitmqctl',
        '-q',
        'eval',
        `rabbit_amqqueue:declare(${resource}, true, false, [${table}], none, <<"guest">>).`,
      ]);
    };
    const type = `{<<"x-queue-type">>, longstr, <<"${wish.kind === 'quorum' ? 'quorum' : 'classic'}">>}`;
    const rows = [type];
    if (deadLetterQueue !== undefined) {
      declare(deadLetterQueue, '');
      rows.push('{<<"x-dead-letter-exchange">>, longstr, <<"">>}');
      rows.push(`{<<"x-dead-letter-routing-key">>, longstr, <<"${deadLetterQueue}">>}`);
    }
    if (wish.declaration?.maxPriority !== undefined)
      rows.push(`{<<"x-max-priority">>, long, ${wish.declaration.maxPriority}}`);
    declare(name, rows.join(', '));
    return Promise.resolve({ name, deadLetterQueue });
  };
}

/** ActiveMQ, Artemis: made on first use, with the dead-letter queue that their configuration gives each queue. */
function foundQueue(product: string): Peer['queue'] {
  const deadLetterOf: Record<string, (name: string) => string> = {
    activemq: (name) => `DLQ.${name}`,
    artemis: (name) => `DLQ::DLQ.${name}`,
  };
  return async (connection) => {
    const name = uniqueName();
    const client = connection.createReceiveClient(name);
    await client.attach();
    await client.close();
    return { name, deadLetterQueue: deadLetterOf[product]?.(name) };
  };
}
