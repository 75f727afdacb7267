import {
  Inject,
  Injectable,
  type OnApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
// Injected by emitted type metadata: these must stay value imports.
import { DiscoveryService, ModulesContainer } from '@nestjs/core';

import { type AmqpConnection, InvalidOptionsError, type Subscription } from '../client/index.js';
import { checkMethods } from '../client/options/index.js';
import { AmqpRuntime, type ApplicationConsumer } from '../nest/index.js';
import { Activity } from './activity/activity.js';
import { ConnectionActivity } from './activity/connection-activity.js';
import {
  checkConnection,
  type DashboardConnectionSource,
  type ResolvedDashboardSettings,
} from './dashboard-options.js';
import { findSenders } from './find-senders.js';
import type { AmqpDashboardSnapshot, DashboardConsumer } from './snapshot.js';

/** Where the module keeps the checked options. */
export const DASHBOARD_SETTINGS = 'AmqpDashboardModule:settings';

/**
 * What the dashboard knows, for code: a health page of your own, a log line, a test. It listens to every connection of the application
 * from before they open until the application has shut down.
 */
@Injectable()
export class AmqpDashboard implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly activity: Activity;
  private readonly connections: ConnectionActivity[] = [];
  private readonly servers: { unsubscribe(): void };
  private isOver = false;

  /** @internal */
  constructor(
    private readonly runtime: AmqpRuntime,
    private readonly discovery: DiscoveryService,
    modules: ModulesContainer,
    @Inject(DASHBOARD_SETTINGS) settings: ResolvedDashboardSettings,
  ) {
    this.activity = new Activity(settings.maxAddresses, settings.maxFailures);
    // Those that the user named keep their names.
    for (const [name, source] of settings.connections) this.watch(name, source);
    // A server may connect before the application itself is initialised.
    this.servers = modules.getRpcTargetRegistry<unknown>().subscribe(() => this.watchAll());
  }

  /**
   * Shows a further connection, from now on. One that is shown already stays as it is; a name that is taken gets a number. It stays, also when
   * it is closed, until the function that this returns is called: then it goes with its consumers and senders, and its name is free; its
   * latest failures stay. Calling that twice is harmless, and so is calling it for a connection that somebody else shows: that one stays.
   *
   * @throws InvalidOptionsError for what is neither a connection nor has one
   */
  add(name: string, source: DashboardConnectionSource): () => void {
    if (typeof name !== 'string' || name === '')
      throw new InvalidOptionsError('name', 'a string that is not empty', name);
    const added = this.watch(name, checkConnection(source, 'connection'));
    return () => {
      if (added !== undefined) this.forget(added);
    };
  }

  /** Everything that the page shows, as it is now. */
  snapshot(): AmqpDashboardSnapshot {
    const { activity } = this;
    const nowMs = activity.now();
    return {
      at: activity.dated(nowMs),
      connections: this.connections.map((connection) => connection.snapshot()),
      consumers: this.consumerSnapshots(nowMs),
      senders: this.connections.flatMap((connection) => connection.senderSnapshots(nowMs)),
      failures: activity.failures.all().map((failure) => ({ ...failure })), // a policy may still decide
      rates: activity.rates(nowMs),
    };
  }

  /** @internal The connection of that name, for an action. */
  connection(name: string): AmqpConnection | undefined {
    return this.connections.find((one) => one.name === name)?.connection;
  }

  /** @internal The consumer of that name, for an action. */
  consumer(name: string): Subscription | undefined {
    return this.declared().find(({ consumer }) => consumer.name === name)?.consumer;
  }

  /** Before any connection of AmqpModule opens. */
  onModuleInit(): void {
    this.watchAll();
    // Senders that the application declares are shown before they send.
    const declared = findSenders(this.discovery);
    for (const { name, connection } of this.runtime.connections)
      for (const { address, isOf } of declared) if (isOf(name)) this.activityOf(connection)?.senders.reserve(address);
  }

  /** What a client proxy with the name of a connection stands for is known by now. */
  onApplicationBootstrap(): void {
    this.watchAll();
  }

  onApplicationShutdown(): void {
    this.isOver = true;
    this.servers.unsubscribe();
    for (const connection of this.connections) connection.stop();
  }

  private watchAll(): void {
    for (const { name, connection } of this.runtime.connections) this.watch(name, connection);
  }

  /** `undefined`: nothing is shown that was not before. */
  private watch(name: string, source: DashboardConnectionSource): ConnectionActivity | undefined {
    const connection = connectionOf(source);
    if (connection === undefined || this.isOver || this.activityOf(connection) !== undefined) return undefined;
    const added = new ConnectionActivity(this.freeName(name), connection, this.activity);
    this.connections.push(added);
    return added;
  }

  private forget(added: ConnectionActivity): void {
    const isOfApplication = this.runtime.connections.some(({ connection }) => connection === added.connection);
    const index = this.connections.indexOf(added);
    if (isOfApplication || index === -1) return;
    this.connections.splice(index, 1);
    added.stop();
  }

  private activityOf(connection: AmqpConnection): ConnectionActivity | undefined {
    return this.connections.find((known) => known.connection === connection);
  }

  private freeName(name: string): string {
    const isTaken = (candidate: string): boolean => this.connections.some((known) => known.name === candidate);
    if (!isTaken(name)) return name;
    let count = 2;
    while (isTaken(`${name}#${count}`)) count += 1;
    return `${name}#${count}`;
  }

  /** Every consumer of `@AmqpSubscribe`, with what its connection told. */
  private declared(): { readonly consumer: ApplicationConsumer; readonly of: ConnectionActivity }[] {
    return this.runtime.connections.flatMap(({ connection, consumers }) => {
      const of = this.activityOf(connection);
      return of === undefined ? [] : consumers.map((consumer) => ({ consumer, of }));
    });
  }

  private consumerSnapshots(nowMs: number): DashboardConsumer[] {
    const declared = this.declared().map(({ consumer, of }) => {
      const { name, addresses, state, inHand, prefetch, concurrency } = consumer;
      const row = of.consumers.reserve(name).snapshot(name, of.name, nowMs);
      return { ...row, addresses, state, inHand, prefetch, concurrency };
    });
    const names = new Set(declared.map(({ name }) => name));
    const others = this.connections.flatMap(({ name: connection, consumers, nameless }) =>
      [...consumers.rows().filter(([name]) => !names.has(name)), ...nameless.rows()].map(([name, row]) =>
        row.snapshot(name, connection, nowMs),
      ),
    );
    return [...declared, ...others];
  }
}

/**
 * `undefined`: it names a connection that is not there (yet).
 * @throws InvalidOptionsError for a transport that is none of ours
 */
function connectionOf(source: DashboardConnectionSource): AmqpConnection | undefined {
  const connection = 'unwrap' in source ? unwrapped(source) : source;
  return checkMethods<AmqpConnection>(connection, 'connection', ['observe', 'open']);
}

function unwrapped(source: { unwrap(): unknown }): unknown {
  try {
    return source.unwrap();
  } catch {
    return undefined;
  }
}
