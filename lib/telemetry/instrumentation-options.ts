import type { Attributes, MeterProvider, TracerProvider } from '@opentelemetry/api';
import { InvalidOptionsError, type AmqpMessage } from '../client/index.js';

/** What a span is about, for the option `attributes`. */
export interface SpannedOperation {
  readonly name: 'send' | 'request' | 'receive' | 'process' | 'settle';
  /** In the words of the target or source. */
  readonly address: string;
  /** Of a batch, or of several that were fetched at once, the first; of a request none. */
  readonly message?: AmqpMessage | undefined;
}

/** What {@link AmqpInstrumentation} does. */
export interface AmqpInstrumentationOptions {
  /** @default the global one, also when it is registered later */
  readonly tracerProvider?: TracerProvider | undefined;
  /** @default the global one, looked up whenever a connection is made or changes its status */
  readonly meterProvider?: MeterProvider | undefined;
  /** `false`: none are made. The context of a message that is handled still goes on with what its handler sends. @default true */
  readonly spans?: boolean | undefined;
  /** @default true */
  readonly metrics?: boolean | undefined;
  /**
   * Where the global propagator writes the context of a message that is sent: as application properties, or as message annotations, whose
   * keys then begin with `x-opt-`. Both places are read. `false`: nothing is written or read. @default 'application-properties'
   */
  readonly propagate?: 'application-properties' | 'message-annotations' | false | undefined;
  /**
   * `parent`: the span of a handler is a child of the one that sent the message, and links to it. `link`: it begins a trace of its own and
   * links to it. The span of a batch always does. @default 'parent'
   */
  readonly consumerSpan?: 'parent' | 'link' | undefined;
  /** Which settlements have a span of their own: all but accepted messages, all, or none. @default 'failures' */
  readonly settleSpans?: 'failures' | 'all' | 'none' | undefined;
  /**
   * Whether spans tell the messages of errors that are none of this library's, of what a responder says, and of an `AmqpError` that your code
   * throws; of all others it knows that they hold no body and no secret.
   * @default false
   */
  readonly exceptionMessages?: boolean | undefined;
  /**
   * `messaging.system`. Give `eventhubs` where you send to event hubs: only the address of a partition or consumer group tells them from Service
   * Bus. @default by the peer's profile: `rabbitmq`, `activemq` (also Artemis), `servicebus` or `eventhubs`, else `amqp`
   */
  readonly system?: string | undefined;
  /**
   * For names of which there are many (`orders-of-4711`): gives what they have in common (`orders-of-{customer}`), by which spans and
   * metrics are named then; `undefined` leaves the name as it is. Also asked for the `to` of messages on the anonymous terminus.
   * @default none
   */
  readonly destinationTemplate?: ((name: string) => string | undefined) | undefined;
  /** Attributes of your own for a span, asked for only while it is recording. Never for metrics. @default none */
  readonly attributes?: ((operation: SpannedOperation) => Attributes | undefined) | undefined;
}

/** The same with every default filled in. */
export interface ResolvedInstrumentationOptions {
  readonly tracerProvider: TracerProvider | undefined;
  readonly meterProvider: MeterProvider | undefined;
  readonly spans: boolean;
  readonly metrics: boolean;
  readonly propagate: 'application-properties' | 'message-annotations' | false;
  readonly consumerSpan: 'parent' | 'link';
  readonly settleSpans: 'failures' | 'all' | 'none';
  readonly exceptionMessages: boolean;
  readonly system: string | undefined;
  readonly destinationTemplate: ((name: string) => string | undefined) | undefined;
  readonly attributes: ((operation: SpannedOperation) => Attributes | undefined) | undefined;
}

const NAMES: readonly (keyof AmqpInstrumentationOptions)[] = [
  'tracerProvider',
  'meterProvider',
  'spans',
  'metrics',
  'propagate',
  'consumerSpan',
  'settleSpans',
  'exceptionMessages',
  'system',
  'destinationTemplate',
  'attributes',
];

/** @throws InvalidOptionsError */
export function resolveInstrumentationOptions(
  options: AmqpInstrumentationOptions = {},
): ResolvedInstrumentationOptions {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new InvalidOptionsError(PATH, 'an object', given);
  for (const name of Object.keys(given))
    if (!NAMES.some((known) => known === name))
      throw new InvalidOptionsError(at(name), `there is no such option, known are ${NAMES.join(', ')}`, name);
  return {
    tracerProvider: provider(options.tracerProvider, 'tracerProvider', 'getTracer'),
    meterProvider: provider(options.meterProvider, 'meterProvider', 'getMeter'),
    spans: oneOf(options.spans, 'spans', [true, false]),
    metrics: oneOf(options.metrics, 'metrics', [true, false]),
    propagate: oneOf(options.propagate, 'propagate', ['application-properties', 'message-annotations', false]),
    consumerSpan: oneOf(options.consumerSpan, 'consumerSpan', ['parent', 'link']),
    settleSpans: oneOf(options.settleSpans, 'settleSpans', ['failures', 'all', 'none']),
    exceptionMessages: oneOf(options.exceptionMessages, 'exceptionMessages', [false, true]),
    system: text(options.system, 'system'),
    destinationTemplate: functionOf(options.destinationTemplate, 'destinationTemplate'),
    attributes: functionOf(options.attributes, 'attributes'),
  };
}

const PATH = 'AmqpInstrumentation';

function at(name: string): string {
  return `${PATH}.${name}`;
}

/** The first is the default. */
function oneOf<T extends string | boolean>(value: T | undefined, name: string, allowed: readonly [T, ...T[]]): T {
  if (value === undefined) return allowed[0];
  if (allowed.includes(value)) return value;
  throw new InvalidOptionsError(at(name), allowed.map((one) => JSON.stringify(one)).join(' or '), value);
}

function provider<T extends object>(value: T | undefined, name: string, method: keyof T & string): T | undefined {
  if (value === undefined) return undefined;
  const given: unknown = value;
  if (typeof given !== 'object' || given === null || typeof Reflect.get(given, method) !== 'function')
    throw new InvalidOptionsError(at(name), `an object with ${method}()`, given);
  return value;
}

function text(value: string | undefined, name: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw new InvalidOptionsError(at(name), 'a text', value);
}

function functionOf<T>(value: T | undefined, name: string): T | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw new InvalidOptionsError(at(name), 'a function', value);
}
