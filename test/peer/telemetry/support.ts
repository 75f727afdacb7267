// A connection with telemetry to an embedded broker, and what both leave behind.

import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../../../lib/broker/index.js';
import { AmqpConnection, type ConnectionOptions } from '../../../lib/client/index.js';
import { AmqpInstrumentation, type AmqpInstrumentationOptions } from '../../../lib/telemetry/index.js';
import { TestTelemetry } from '../../support/telemetry.js';

const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };

export interface Running {
  readonly broker: EmbeddedBroker;
  readonly connection: AmqpConnection;
  readonly telemetry: TestTelemetry;
}

/** Everything that one spec starts; `stop` in its `afterEach`. */
export class Stage {
  readonly #telemetries: TestTelemetry[] = [];
  readonly #connections: AmqpConnection[] = [];
  readonly #brokers: EmbeddedBroker[] = [];

  registered(telemetry = new TestTelemetry()): TestTelemetry {
    this.#telemetries.push(telemetry);
    return telemetry.register();
  }

  async broker(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
    const broker = await EmbeddedBroker.start({ port: false, ...options });
    this.#brokers.push(broker);
    return broker;
  }

  connect(broker: EmbeddedBroker, options: Partial<ConnectionOptions> = {}): AmqpConnection {
    const connection = new AmqpConnection({
      uri: broker.uri,
      dial: broker.dial,
      containerId: 'here',
      logger: quiet,
      observer: new AmqpInstrumentation(),
      ...options,
    });
    this.#connections.push(connection);
    return connection;
  }

  async start(options?: AmqpInstrumentationOptions, broker?: EmbeddedBrokerOptions): Promise<Running> {
    const telemetry = this.registered();
    const started = await this.broker({ queues: ['orders', 'next'], ...broker });
    const connection = this.connect(started, { observer: new AmqpInstrumentation(options) });
    await connection.open();
    return { broker: started, connection, telemetry };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
    await Promise.all(this.#brokers.splice(0).map((broker) => broker.stop()));
    await Promise.all(this.#telemetries.splice(0).map((telemetry) => telemetry.stop()));
  }
}
