import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
  Optional,
} from '@nestjs/common';
// Injected by emitted type metadata: these must stay value imports.
import { DiscoveryService, MetadataScanner, ModuleRef, ModulesContainer } from '@nestjs/core';

import { InvalidOptionsError, type Source } from '../../client/index.js';
import { AmqpConsumers } from '../amqp-consumers.js';
import { checkSources } from '../amqp-subscribe.decorator.js';
import { checkApart, type PlacedConsumer } from '../consumer/check-apart.js';
import { Consumer } from '../consumer/consumer.js';
import { type DiscoveredHandler, discoverHandlers } from '../consumer/discover-handlers.js';
import { HandlerPipeline, type RunHandler } from '../consumer/handler-pipeline.js';
import { type PlannedConsumer, planConsumers } from '../consumer/plan-consumers.js';
import type { ResolvedModuleOptions } from '../options/resolve-module-options.js';
import { CONNECTION_FACTORY } from '../tokens.js';
import { AmqpClientProxy } from '../transport/amqp-client-proxy.js';
import { AmqpTransportStrategy } from '../transport/amqp-transport-strategy.js';
import { inheritedHandlers } from '../transport/inherited-handlers.js';
import type { Application } from '../transport/transport-connection.js';
import type { ApplicationConnection } from './application-connection.js';
import { type ConnectionFactory, ConnectionHost } from './connection-host.js';

/**
 * The connections of one application in the order of its life: consumers attach when the application bootstraps; intake stops in the
 * earliest hook of a shutdown, handlers finish before the providers they use are released, and connections close last.
 */
@Injectable()
export class AmqpRuntime
  implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly hosts = new Map<string, ConnectionHost>();
  /** Servers and client proxies, with their names. */
  private readonly transports = new Map<AmqpTransportStrategy | AmqpClientProxy, string>();
  private stopping = false;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly moduleRef: ModuleRef,
    private readonly consumers: AmqpConsumers,
    modules: ModulesContainer,
    @Optional() @Inject(CONNECTION_FACTORY) private readonly createConnection: ConnectionFactory | undefined,
  ) {
    // Every microservice of the application, those before and those to come.
    modules.getRpcTargetRegistry<unknown>().subscribe((server) => this.bind(server, 'microservice'));
  }

  /** The application is shutting down. */
  get isStopping(): boolean {
    return this.stopping;
  }

  /** Those of `AmqpModule`, then those that servers and client proxies were given; no name stands for two. */
  get connections(): readonly ApplicationConnection[] {
    const all: ApplicationConnection[] = [...this.hosts.values()];
    for (const [{ givenConnection: connection }, wanted] of this.transports) {
      if (connection === undefined || all.some((one) => one.connection === connection)) continue;
      const name = freeName(wanted, all);
      all.push({ name, connection, owner: 'transport', consumers: [], isPersistent: false });
    }
    return all;
  }

  /** @throws InvalidOptionsError for a name that another `forRoot` has */
  add(options: ResolvedModuleOptions): ConnectionHost {
    if (this.hosts.has(options.name)) {
      const expected =
        "unique among the application's AmqpModule.forRoot and forRootAsync; give each further one a name";
      throw new InvalidOptionsError('name', expected, options.name);
    }
    const host = new ConnectionHost(options, this.createConnection);
    this.hosts.set(options.name, host);
    return host;
  }

  /** Client proxies are made by their modules, without this application's help: those that name a connection get it here. */
  onModuleInit(): void {
    const found = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    for (const { instance, name } of found) this.bind(instance, String(name));
    for (const { instance, name } of found) {
      if (typeof instance !== 'object' || instance === null) continue;
      // @Client() makes a property of its class.
      for (const [property, { value }] of Object.entries(Object.getOwnPropertyDescriptors(instance)))
        this.bind(value, `${String(name)}.${property}`);
    }
  }

  async onApplicationBootstrap(): Promise<void> {
    const hosts = [...this.hosts.values()];
    try {
      await this.makeConsumers(hosts);
      await Promise.all(hosts.map((host) => host.connect()));
    } catch (error) {
      // Nest does not run the shutdown hooks of an application that failed to start.
      await Promise.all(hosts.map((host) => host.abandon()));
      throw error;
    }
    for (const host of hosts) host.begin();
  }

  onModuleDestroy(): void {
    this.stopping = true;
    for (const host of this.hosts.values()) host.stopIntake();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([...this.hosts.values()].map((host) => host.drain()));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.hosts.values()].map((host) => host.close()));
  }

  private bind(candidate: unknown, name: string): void {
    if (!(candidate instanceof AmqpTransportStrategy || candidate instanceof AmqpClientProxy)) return;
    candidate.bind(this.application);
    // Injected, it is a property of many.
    if (!this.transports.has(candidate)) this.transports.set(candidate, name);
  }

  private readonly application: Application = {
    connection: (name) => this.hosts.get(name)?.connection,
    attend: (connection, attendant) => {
      for (const host of this.hosts.values()) if (host.connection === connection) host.attend(attendant);
    },
    patternHandlers: (transportId) => inheritedHandlers(this.discovery, this.scanner, this.moduleRef, transportId),
  };

  private async makeConsumers(hosts: readonly ConnectionHost[]): Promise<void> {
    const handlers = discoverHandlers(this.discovery, this.scanner);
    const plans = planConsumers(
      handlers,
      hosts.map(({ options }) => options),
    );
    const pipelines = new Map<boolean, HandlerPipeline>();
    const placed: PlacedConsumer[] = [];
    for (const plan of plans) {
      const host = this.hosts.get(plan.connection);
      if (host === undefined) continue; // planConsumers refused unknown ones
      if (!plan.isEnabled) {
        this.consumers.addDisabled(plan.name);
        continue;
      }
      const { inheritAppConfig } = host.options;
      const pipeline = pipelines.get(inheritAppConfig) ?? new HandlerPipeline(this.moduleRef, { inheritAppConfig });
      pipelines.set(inheritAppConfig, pipeline);
      const compile = ({ wrapper, methodName }: DiscoveredHandler): RunHandler => pipeline.compile(wrapper, methodName);
      const run = plan.dispatch?.handler(compile) ?? compile(plan.handler);
      const sources = await this.sourcesOf(plan);
      checkApart({ plan, sources }, placed);
      placed.push({ plan, sources });
      const consumer = new Consumer(plan, sources, host.connection, run, host.replies);
      host.add(consumer);
      this.consumers.add(plan.name, consumer);
    }
  }

  private async sourcesOf({ source, name }: PlannedConsumer): Promise<readonly Source[]> {
    const given = typeof source === 'function' ? await source(this.moduleRef) : source;
    checkSources(given, `${name}.source`);
    // true: Array.isArray does not narrow a readonly array
    return Array.isArray(given) ? (given as readonly Source[]) : [given as Source];
  }
}

function freeName(wanted: string, others: readonly ApplicationConnection[]): string {
  let name = wanted;
  for (let count = 2; others.some((other) => other.name === name); count += 1) name = `${wanted}#${count}`;
  return name;
}
