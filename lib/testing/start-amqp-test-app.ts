import {
  type DynamicModule,
  Global,
  type INestApplication,
  type INestMicroservice,
  type LoggerService,
  type LogLevel,
  Module,
  type ModuleMetadata,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../broker/index.js';
import { AmqpConnection } from '../client/index.js';
import { AmqpConsumers, AmqpModule, CONNECTION_FACTORY, type ConnectionFactory } from '../nest/index.js';
import { declaresConnection } from './declares-connection.js';
import { NoTransport } from './no-transport.js';
import { readable, recordedMessage, type RecordedMessage } from './recorded-message.js';
import { Recorder } from './recorder.js';

/** How the application under test is started. */
export interface AmqpTestAppOptions<App = INestMicroservice> {
  /** Queues of the broker; others are made by whoever first attaches to them. */
  readonly queues?: EmbeddedBrokerOptions['queues'];
  /** Further options of the broker. */
  readonly broker?: EmbeddedBrokerOptions | undefined;
  /** Called before the application is initialised, for example for `useGlobalPipes`. */
  readonly app?: ((app: App) => void | Promise<void>) | undefined;
  /** As for `NestFactory.create`. @default warnings and errors */
  readonly logger?: LoggerService | LogLevel[] | false | undefined;
}

/** An application on an embedded broker of its own, and what passed between them. The functions may be taken out of it. */
export interface AmqpTestApp<App = INestMicroservice> {
  readonly app: App;
  readonly broker: EmbeddedBroker;
  /** Resolves when every queue with a consumer is empty and no queue has unsettled messages. */
  readonly idle: (options?: { timeoutMs?: number }) => Promise<void>;
  /** Closes the application, then the broker. Harmless twice. */
  readonly close: () => Promise<void>;
  /** What the application sent to this address, with the broker's outcome. */
  readonly sent: (address: string) => RecordedMessage[];
  /** What its consumers were given from this address, once for each delivery. */
  readonly received: (address: string) => RecordedMessage[];
  /** What it settled from this address, in that order. */
  readonly settled: (address: string) => RecordedMessage[];
  /** Dead letters that wait in the broker: those that come from this address, or lie in the queue of this name. */
  readonly deadLettered: (address: string) => RecordedMessage[];
}

/**
 * Boots an application on an embedded broker, without a port and without HTTP. Every `AmqpModule.forRoot` in it connects there,
 * whatever its `uri`; without any, a default connection is added. With `http: true` it is an HTTP application (which needs Nest's
 * Express or Fastify platform); it does not listen.
 */
export function startAmqpTestApp(
  metadata: ModuleMetadata,
  options: AmqpTestAppOptions<INestApplication> & { readonly http: true },
): Promise<AmqpTestApp<INestApplication>>;
export function startAmqpTestApp(metadata: ModuleMetadata, options?: AmqpTestAppOptions): Promise<AmqpTestApp>;
export async function startAmqpTestApp(
  metadata: ModuleMetadata,
  options:
    | (AmqpTestAppOptions<INestApplication> & { readonly http: true })
    | (AmqpTestAppOptions & { readonly http?: undefined }) = {},
): Promise<AmqpTestApp<INestApplication> | AmqpTestApp> {
  const { queues, logger = ['warn', 'error', 'fatal'] } = options;
  const broker = await EmbeddedBroker.start({
    port: false,
    ...options.broker,
    ...(queues === undefined ? {} : { queues }),
  });
  const recorder = new Recorder();
  const root = await testModule(metadata, broker, recorder);
  const settings = { logger, abortOnError: false };
  try {
    if (options.http === true) {
      const app = await NestFactory.create(root, settings);
      await start(app, () => app.init(), options.app);
      return testApp(app, broker, recorder);
    }
    const app = await NestFactory.createMicroservice(root, { ...settings, strategy: new NoTransport() });
    await start(app, () => app.listen(), options.app);
    return testApp(app, broker, recorder);
  } catch (error) {
    await broker.stop();
    throw error;
  }
}

async function testModule(
  metadata: ModuleMetadata,
  broker: EmbeddedBroker,
  recorder: Recorder,
): Promise<DynamicModule> {
  const connect: ConnectionFactory = (options) => {
    // What only makes sense for the peer that is replaced.
    const { uri: _uri, credentials: _credentials, tls: _tls, failover: _failover, ...rest } = options;
    const { hostname: _hostname, profile: _profile, observer = [], ...kept } = rest;
    const { embeddedUri: uri, dial } = broker;
    return new AmqpConnection({ ...kept, uri, dial, observer: [observer, recorder].flat() });
  };
  const imports = metadata.imports ?? [];
  const connection = (await declaresConnection(imports)) ? [] : [AmqpModule.forRoot(broker.embeddedUri)];
  return {
    ...metadata,
    module: AmqpTestRootModule,
    imports: [
      {
        module: AmqpTestConnectionModule,
        providers: [{ provide: CONNECTION_FACTORY, useValue: connect }],
        exports: [CONNECTION_FACTORY],
      },
      ...connection,
      ...imports,
    ],
  };
}

@Module({})
class AmqpTestRootModule {}

@Global()
@Module({})
class AmqpTestConnectionModule {}

async function start<App extends INestApplication | INestMicroservice>(
  app: App,
  init: () => Promise<unknown>,
  prepare: ((app: App) => void | Promise<void>) | undefined,
): Promise<void> {
  try {
    await prepare?.(app);
    await init();
  } catch (error) {
    await app.close().catch(() => undefined); // why it did not start is what the test has to see
    throw error;
  }
}

function testApp<App extends INestApplication | INestMicroservice>(
  app: App,
  broker: EmbeddedBroker,
  recorder: Recorder,
): AmqpTestApp<App> {
  let closing: Promise<void> | undefined;
  return {
    app,
    broker,
    idle: async (options) => {
      await broker.idle(options);
      await committed(app, options?.timeoutMs ?? COMMIT_TIMEOUT_MS);
    },
    close: () => (closing ??= closeBoth(app, broker)),
    sent: (address) => recorder.sent(address),
    received: (address) => recorder.received(address),
    settled: (address) => recorder.settled(address),
    deadLettered: (address) => deadLetters(broker, address),
  };
}

const COMMIT_TIMEOUT_MS = 1_000;
/** Those of before a test put others in their place. */
const { setTimeout, performance } = globalThis;

/** The broker has committed before the application hears of it. */
async function committed(app: INestApplication | INestMicroservice, timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs;
  const consumers = [...app.get(AmqpConsumers, { strict: false }).all().values()];
  while (performance.now() < until && consumers.some(({ inHand }) => inHand > 0))
    // oxlint-disable-next-line no-await-in-loop -- lets the event loop turn between two questions
    await new Promise((resolve) => setTimeout(resolve, 1));
}

async function closeBoth(app: INestApplication | INestMicroservice, broker: EmbeddedBroker): Promise<void> {
  try {
    await app.close();
  } finally {
    await broker.stop();
  }
}

/** `x-opt-death-queue` is where a dead letter comes from, whoever wrote it: the broker or `policy.deadLetter`. */
function deadLetters(broker: EmbeddedBroker, address: string): RecordedMessage[] {
  return broker.queues().flatMap((queue) =>
    queue
      .messages()
      .filter(({ messageAnnotations }) => {
        const from = messageAnnotations?.['x-opt-death-queue'];
        return from !== undefined && (from === address || queue.name === address);
      })
      .map((message) => readable(recordedMessage(message, message.deliveryCount))),
  );
}
