import { setTimeout as delay } from 'node:timers/promises';

import { Logger } from '@nestjs/common';

import {
  AmqpError,
  AmqpConnection,
  type AmqpLogger,
  AmqpTimeoutError,
  type ConnectionOptions,
} from '../../client/index.js';
import type { Consumer } from '../consumer/consumer.js';
import { Replies } from '../reply/replies.js';
import type { ResolvedModuleOptions } from '../options/resolve-module-options.js';
import type { Attendant } from '../transport/transport-connection.js';
import type { ApplicationConnection } from './application-connection.js';
import { withDeadline } from './deadline.js';
import { PrivateBroker } from './private-broker.js';

/** Makes the connection of that name; by default `new AmqpConnection(options)`. */
export type ConnectionFactory = (options: ConnectionOptions, name: string) => AmqpConnection;

const DEFAULT_BOOT_TIMEOUT_MS = 30_000;
const DEFAULT_REFUSED_RETRY_MS = 30_000;
/** What closing the connection may take of a shutdown, when everything before is done. */
const CLOSE_TIMEOUT_MS = 1_000;

/** One connection of an application from its start to its end: its consumers, and its own broker if it has one. */
export class ConnectionHost implements ApplicationConnection {
  readonly connection: AmqpConnection;
  readonly owner = 'module';
  readonly replies: Replies;
  private readonly logger: AmqpLogger;
  private readonly broker: PrivateBroker | undefined;
  readonly consumers: Consumer[] = [];
  private attempts = 0;
  private readonly attendants = new Set<Attendant>();
  private readonly shutdown = new AbortController();
  private stopping: Promise<void> | undefined;
  private stoppedAt: number | undefined;
  private closing: Promise<void> | undefined;

  /** @throws InvalidOptionsError */
  constructor(
    readonly options: ResolvedModuleOptions,
    create: ConnectionFactory = (connectionOptions) => new AmqpConnection(connectionOptions),
  ) {
    const { name, connection, privateBroker, waitForConnection } = options;
    this.logger = connection.logger ?? new Logger(name === 'default' ? 'AmqpModule' : `AmqpModule:${name}`);
    this.broker = privateBroker && new PrivateBroker(privateBroker, this.logger);
    const dial = this.broker?.dial;
    this.connection = create(
      {
        ...connection,
        logger: this.logger,
        ...(dial === undefined ? {} : { dial }),
        // In the background it takes as long as it takes.
        ...(waitForConnection ? {} : { bootTimeoutMs: Infinity }),
      },
      name,
    );
    this.replies = new Replies(this.connection, this.logger);
  }

  get name(): string {
    return this.options.name;
  }

  get isPersistent(): boolean {
    return this.attempts > 0;
  }

  add(consumer: Consumer): void {
    this.consumers.push(consumer);
  }

  /** Closed with the consumers, when the application begins to shut down. */
  attend(attendant: Attendant): void {
    this.attendants.add(attendant);
  }

  /** Connects and attaches every consumer that starts by itself; with `waitForConnection: false` that goes on in the background. */
  async connect(): Promise<void> {
    const starting = this.consumers.filter(({ plan }) => plan.subscribe.autoStart !== false);
    if (this.options.lazy && starting.length === 0) return;
    if (!this.options.waitForConnection) {
      for (const consumer of starting) void this.startInBackground(consumer);
      if (starting.length === 0) void this.persist('the connection', () => this.connection.open());
      return;
    }
    const { bootTimeoutMs = DEFAULT_BOOT_TIMEOUT_MS } = this.options.connection;
    const startedAt = performance.now();
    await this.connection.open();
    const leftMs = Math.max(bootTimeoutMs - (performance.now() - startedAt), 1);
    const attached = Promise.all(starting.map((consumer) => consumer.attach()));
    await withDeadline(attached, leftMs, () => {
      const waiting = starting.filter(({ state }) => state === 'starting').map(({ plan }) => plan.name);
      throw AmqpError.inOwnWords(
        new AmqpTimeoutError(`not attached within bootTimeoutMs (${bootTimeoutMs}): ${waiting.join(', ')}`),
      );
    });
  }

  /** The attached consumers handle messages from here on. */
  begin(): void {
    if (!this.options.waitForConnection) return;
    for (const consumer of this.consumers) if (consumer.plan.subscribe.autoStart !== false) this.resume(consumer);
  }

  /** Asks for no more messages at once. */
  stopIntake(): void {
    this.shutdown.abort();
    this.stoppedAt ??= performance.now();
    const closing = [...this.consumers, ...this.attendants].map((one) => one.close());
    this.stopping ??= Promise.all(closing).then(() => undefined);
  }

  /** Resolves when the running handlers are through and no send is pending, at the latest after `shutdownTimeoutMs`. */
  async drain(): Promise<void> {
    this.stopIntake();
    await this.stopping;
    await this.connection.flush({ timeoutMs: this.patienceMs() });
  }

  /** Detaches and closes; harmless twice, and for one that never opened. */
  close(): Promise<void> {
    this.stopIntake();
    this.closing ??= this.closeAll();
    return this.closing;
  }

  /** Closes without patience, where nothing has been handled yet. */
  abandon(): Promise<void> {
    this.stoppedAt = -Infinity;
    this.stopping = Promise.all(this.consumers.map((consumer) => consumer.close({ timeoutMs: 0 }))).then(
      () => undefined,
    );
    return this.close();
  }

  private async closeAll(): Promise<void> {
    // What was sent since drain() has what is left of the patience; the connection itself has a second after it.
    await this.connection.close({ timeoutMs: this.patienceMs() + CLOSE_TIMEOUT_MS });
    await this.broker?.stop();
  }

  /** What is left of `shutdownTimeoutMs`. */
  private patienceMs(): number {
    const now = performance.now();
    return Math.max(this.options.shutdownTimeoutMs - (now - (this.stoppedAt ?? now)), 0);
  }

  private async startInBackground(consumer: Consumer): Promise<void> {
    consumer.startsLater();
    const attach = async (): Promise<void> => {
      await this.connection.open();
      await consumer.attach();
    };
    const isAttached = await this.persist(consumer.name, attach, (error) => consumer.startsLater(error));
    if (isAttached) this.resume(consumer);
  }

  private resume(consumer: Consumer): void {
    if (consumer.isPaused) return;
    consumer.resume().catch((error: unknown) => {
      this.logger.error(`${consumer.plan.name} did not start: ${messageOf(error)}`);
    });
  }

  /** Until it succeeds or the application shuts down; resolves to whether it did. */
  private async persist(
    what: string,
    attempt: () => Promise<void>,
    failed: (error: unknown) => void = () => undefined,
  ): Promise<boolean> {
    this.attempts += 1;
    try {
      return await this.persistently(what, attempt, failed);
    } finally {
      this.attempts -= 1;
    }
  }

  private async persistently(
    what: string,
    attempt: () => Promise<void>,
    failed: (error: unknown) => void,
  ): Promise<boolean> {
    const { signal } = this.shutdown;
    const { refusedRetryMs = DEFAULT_REFUSED_RETRY_MS } = this.options.connection;
    while (!signal.aborted) {
      try {
        await attempt();
        return true;
      } catch (error) {
        if (signal.aborted) break;
        failed(error);
        this.logger.error(`${what}: ${messageOf(error)}; tried again in ${refusedRetryMs} ms`);
        await delay(refusedRetryMs, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
      }
    }
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
