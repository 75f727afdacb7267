import { metrics, type Counter, type Histogram, type MeterProvider, type UpDownCounter } from '@opentelemetry/api';
import { VERSION } from '../client/index.js';

/** What spans and metrics say they come from. */
export const SCOPE = 'nestjs-amqp10';

/** Of the convention. Unit: seconds. */
const BOUNDARIES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** The instruments of one meter. */
interface Meters {
  readonly operationDuration: Histogram;
  readonly processDuration: Histogram;
  readonly sent: Counter;
  readonly consumed: Counter;
  readonly settled: Counter;
  readonly connections: UpDownCounter;
}

/** Made anew when another global provider is registered: unlike the tracers', those of the API do not follow it. */
export class Instruments {
  readonly #given: MeterProvider | undefined;
  #provider: MeterProvider;
  #meters: Meters;

  constructor(given: MeterProvider | undefined) {
    this.#given = given;
    this.#provider = given ?? metrics.getMeterProvider();
    this.#meters = metersOf(this.#provider);
  }

  get now(): Meters {
    return this.#meters;
  }

  /** Looks whether there is another provider. */
  refresh(): void {
    const provider = this.#given ?? metrics.getMeterProvider();
    if (provider === this.#provider) return;
    this.#provider = provider;
    this.#meters = metersOf(provider);
  }
}

function metersOf(provider: MeterProvider): Meters {
  const meter = provider.getMeter(SCOPE, VERSION);
  const duration = { unit: 's', advice: { explicitBucketBoundaries: BOUNDARIES } };
  return {
    operationDuration: meter.createHistogram('messaging.client.operation.duration', {
      ...duration,
      description: 'Duration of messaging operation initiated by a producer or consumer client.',
    }),
    processDuration: meter.createHistogram('messaging.process.duration', {
      ...duration,
      description: 'Duration of processing operation.',
    }),
    sent: meter.createCounter('messaging.client.sent.messages', {
      unit: '{message}',
      description: 'Number of messages producer attempted to send to the broker.',
    }),
    consumed: meter.createCounter('messaging.client.consumed.messages', {
      unit: '{message}',
      description: 'Number of messages that were delivered to the application.',
    }),
    settled: meter.createCounter('amqp.client.settled.messages', {
      unit: '{message}',
      description: 'Number of messages that were settled, by their outcome.',
    }),
    connections: meter.createUpDownCounter('amqp.client.connections', {
      unit: '{connection}',
      description: 'Number of connections, by their state.',
    }),
  };
}
