import type { Duplex } from 'node:stream';
import { AmqpError, InvalidOptionsError } from '../protocol/acceptor/index.js';
import { Broker } from './broker.js';
import type { EmbeddedBrokerOptions } from './broker-options.js';
import { type BrokerQueue, brokerQueue } from './broker-queue.js';
import { brokersByName } from './registry.js';
import { resolveBrokerOptions, type ResolvedBrokerOptions } from './resolve-broker-options.js';
import { memoryStreamPair } from './stream/memory-stream.js';
import { TcpListener } from './stream/tcp-listener.js';

const DEFAULT_IDLE_MS = 10_000;

/**
 * A broker inside this process, for development and tests. It keeps nothing: what it holds is gone when it stops.
 *
 * Start one with {@link EmbeddedBroker.start}. By name it is found as `embedded:NAME`; without one, use `dial`:
 * `new AmqpConnection({ uri: broker.uri, dial: broker.dial })`, or its TCP port.
 */
export class EmbeddedBroker {
  readonly #broker: Broker;
  readonly #options: ResolvedBrokerOptions;
  readonly #listener: TcpListener | undefined;
  #stopped: Promise<void> | undefined;

  /** Use `start`. */
  private constructor(broker: Broker, options: ResolvedBrokerOptions, listener: TcpListener | undefined) {
    this.#broker = broker;
    this.#options = options;
    this.#listener = listener;
  }

  /**
   * Resolves when the broker stands and listens.
   *
   * @throws {InvalidOptionsError} an option that cannot work, a name in use, or `NODE_ENV` is `production` without `allowInProduction`
   */
  static async start(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
    const resolved = resolveBrokerOptions(options, process.env['NODE_ENV']);
    const named = brokersByName();
    if (resolved.isNamed && named.has(resolved.name)) {
      throw new InvalidOptionsError('name', 'one that no running embedded broker of this process has', resolved.name);
    }
    const broker = new Broker(resolved);
    // Before the first wait, so that two starts of one name cannot both come through.
    if (resolved.isNamed) named.set(resolved.name, STARTING);
    try {
      const { host, port } = resolved;
      const onConnection = (stream: Duplex): void => broker.accept(stream);
      const listener = port === false ? undefined : await TcpListener.listen({ host, port, onConnection });
      const embedded = new EmbeddedBroker(broker, resolved, listener);
      if (resolved.isNamed) named.set(resolved.name, embedded);
      return embedded;
    } catch (error) {
      if (resolved.isNamed) named.delete(resolved.name);
      throw error;
    }
  }

  /** The running broker that was started by this name, in whichever module format. */
  static find(name: string): EmbeddedBroker | undefined {
    const found = brokersByName().get(name);
    // True: only brokers of this package are entered, and both copies of it are alike.
    return found === STARTING ? undefined : (found as EmbeddedBroker | undefined);
  }

  get name(): string {
    return this.#options.name;
  }

  /** `undefined` without TCP. */
  get port(): number | undefined {
    return this.#listener?.port;
  }

  /** `amqp://127.0.0.1:PORT`, or `embedded:NAME` without TCP. Holds no credentials. */
  get uri(): string {
    if (this.#listener === undefined) return this.embeddedUri;
    const { host } = this.#options;
    // What stands for every interface is none that can be dialled.
    const dialled = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
    return `amqp://${dialled.includes(':') ? `[${dialled}]` : dialled}:${this.#listener.port}`;
  }

  get embeddedUri(): string {
    return `embedded:${this.#options.name}`;
  }

  /** Opens an in-memory byte stream to this broker. Rejects once it is stopped. */
  readonly dial = async (attempt: { readonly uri: string; readonly signal: AbortSignal }): Promise<Duplex> => {
    attempt.signal.throwIfAborted();
    if (this.#stopped !== undefined)
      throw new AmqpError('connect-failed', `the embedded broker "${this.name}" was stopped`);
    const [near, far] = memoryStreamPair();
    this.#broker.accept(far);
    return near;
  };

  /** @throws {AmqpError} (code `not-found`) there is none of that name */
  queue(name: string): BrokerQueue {
    const queue = this.#broker.nodes.queue(name);
    if (queue !== undefined) return brokerQueue(queue);
    const names = this.#broker.nodes.queues().map((other) => `"${other.name}"`);
    throw new AmqpError('not-found', `there is no queue "${name}"; there is ${names.join(', ') || 'none at all'}`);
  }

  /** In the order in which they were made. */
  queues(): BrokerQueue[] {
    return this.#broker.nodes.queues().map(brokerQueue);
  }

  /**
   * Resolves when no queue with consumers has ready messages that they would take, and no queue has unsettled ones. Scheduled messages
   * are not waited for.
   * Rejects with code `timeout` after `timeoutMs` (10 000), naming the queues.
   */
  async idle(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    await this.#broker.idle(options.timeoutMs ?? DEFAULT_IDLE_MS);
  }

  /** As a crash would: every connection is gone without a CLOSE. Queues and messages stay, and new connections are taken. */
  dropConnections(): void {
    this.#broker.dropConnections();
  }

  /** Closes every connection (`amqp:connection:forced`) and the port; all messages are gone. Twice is harmless. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  async #stop(): Promise<void> {
    const named = brokersByName();
    if (named.get(this.name) === this) named.delete(this.name);
    this.#listener?.close();
    await this.#broker.stop();
  }
}

/** Stands for a name whose broker does not listen yet. */
const STARTING = Symbol('starting');
