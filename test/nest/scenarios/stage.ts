// What every scenario stands on: a peer, and services, applications and proxies that end with it.

import { Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { ClientProxy } from '@nestjs/microservices';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';

import {
  AmqpClientProxy,
  type AmqpClientProxyOptions,
  AmqpConnection,
  AmqpTransportStrategy,
  type AmqpTransportOptions,
  type ConnectionOptions,
  type Source,
  type Target,
} from '../../../lib/index.js';
import { FaultProxy } from '../../support/fault-proxy.js';

/** A peer that the scenarios run on. */
export interface Place {
  readonly name: string;
  readonly uri: string;
  /** Makes a queue that no other scenario has. */
  queue(): Promise<string>;
  readonly port: number;
  /** Whether exchanges and bindings can be declared there. */
  readonly hasExchanges: boolean;
}

/** One of Nest's own scenarios, or what users of its transports rely on, on one peer. */
export interface Scenario {
  readonly title: string;
  readonly run: (stage: Stage) => Promise<void>;
  /** Why it cannot be there. */
  readonly skip?: (place: Place) => string | undefined;
  readonly timeoutMs?: number;
}

export interface Service {
  readonly strategy: AmqpTransportStrategy;
  readonly queue: string;
  readonly close: () => Promise<void>;
}

const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const reconnect = { initialDelayMs: 5, maxDelayMs: 50 };

export class Stage {
  private readonly ends: (() => Promise<unknown>)[] = [];

  constructor(readonly place: Place) {}

  /** For a connection of its own, without log lines. */
  get own(): Pick<ConnectionOptions, 'uri' | 'logger' | 'reconnect'> {
    return { uri: this.place.uri, reconnect, logger: quiet };
  }

  queue(): Promise<string> {
    return this.place.queue();
  }

  strategy(options: Omit<AmqpTransportOptions, 'uri'>): AmqpTransportStrategy {
    return new AmqpTransportStrategy({ ...this.own, ...options });
  }

  /** Controllers that listen on a queue of their own, or where the options say. */
  async service(
    controllers: Type[],
    options: Partial<AmqpTransportOptions> = {},
    metadata: ModuleMetadata = {},
  ): Promise<Service> {
    const queue = options.sources === undefined ? await this.queue() : '';
    const strategy = this.strategy({ sources: queue, ...options });
    @Module({ ...metadata, controllers })
    class ServiceModule {}
    const app = await NestFactory.createMicroservice(ServiceModule, { strategy, logger: false });
    this.after(() => app.close());
    await app.listen();
    return { strategy, queue, close: () => app.close() };
  }

  proxy(target: AmqpClientProxyOptions['target'], options: Partial<AmqpClientProxyOptions> = {}): AmqpClientProxy {
    const proxy = new AmqpClientProxy({ ...this.own, target, ...options });
    this.after(() => proxy.close());
    return proxy;
  }

  /** Controllers on a queue of their own, and a proxy to them. */
  async pair(
    controllers: Type[],
    options: Partial<AmqpTransportOptions> = {},
    proxy: Partial<AmqpClientProxyOptions> = {},
  ): Promise<Service & { readonly client: AmqpClientProxy }> {
    const service = await this.service(controllers, options);
    return { ...service, client: this.proxy(service.queue, proxy) };
  }

  /** A target that reaches all of the sources: an exchange and its queues, or a topic. */
  async broadcast(count: number): Promise<{ readonly sources: readonly Source[]; readonly target: Target }> {
    const queues = await Promise.all(Array.from({ length: count }, () => this.queue()));
    const name = `${queues.join('+')}.all`;
    if (!this.place.hasExchanges) return { sources: queues.map(() => ({ topic: name })), target: { topic: name } };
    const { topology } = await this.connection();
    const bindings = queues.map((queue) => ({ exchange: name, queue }));
    await topology.declare({ exchanges: [{ name, type: 'fanout' }], bindings });
    this.after(() => topology.deleteExchange(name));
    return { sources: queues, target: { exchange: name } };
  }

  async connection(): Promise<AmqpConnection> {
    const connection = new AmqpConnection(this.own);
    this.after(() => connection.close());
    await connection.open();
    return connection;
  }

  /** A way to the peer that can be cut. */
  async faultProxy(): Promise<{ readonly connection: { readonly uri: string }; readonly reset: () => void }> {
    const proxy = await FaultProxy.start(this.place.port);
    this.after(() => proxy.close());
    const uri = this.place.uri.replace(`:${this.place.port}`, `:${proxy.port}`);
    return { connection: { uri }, reset: () => proxy.reset() };
  }

  after(end: () => Promise<unknown>): void {
    this.ends.push(end);
  }

  async close(): Promise<void> {
    for (const end of this.ends.splice(0).toReversed()) await end();
  }
}

/** Everything that one request is answered with. */
export const all = <T>(client: ClientProxy, pattern: unknown, data: unknown = {}): Promise<T[]> =>
  lastValueFrom(client.send<T>(pattern, data).pipe(toArray()));

export const ask = <T>(client: ClientProxy, pattern: unknown, data: unknown = {}): Promise<T> =>
  firstValueFrom(client.send<T>(pattern, data));

export const tell = (client: ClientProxy, pattern: unknown, data: unknown = {}): Promise<unknown> =>
  lastValueFrom(client.emit(pattern, data), { defaultValue: undefined });

export const failure = (client: ClientProxy, pattern: unknown, data: unknown = {}): Promise<unknown> =>
  ask(client, pattern, data).then(
    (answer) => ({ answered: answer }),
    (error: unknown) => error,
  );
