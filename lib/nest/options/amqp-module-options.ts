import type { InjectionToken, ModuleMetadata, OptionalFactoryDependency, Provider, Type } from '@nestjs/common';

import type { EmbeddedBrokerOptions } from '../../broker/index.js';
import type {
  ConnectionOptions,
  ReceiveClientOptions,
  SendClientOptions,
  Source,
  SubscribeOptions,
  Target,
  Topology,
} from '../../client/index.js';

/** Options of one connection of an application: those of `AmqpConnection`, and how Nest uses it. */
export interface AmqpModuleOptions extends Omit<ConnectionOptions, 'uri'> {
  /** Where to connect to; a list, or one string with `;`, is tried in turn. There is no default: `undefined` is an error. */
  readonly uri: string | readonly string[] | undefined;
  /** Tells several connections apart. @default 'default' */
  readonly name?: string | undefined;
  /** Whether every module can inject the connection, or only those that import this one. @default true */
  readonly isGlobal?: boolean | undefined;
  /**
   * `true`: the application starts when the connection is open and every auto-start consumer is attached, or fails within
   * `bootTimeoutMs`. `false`: it starts at once and connects in the background for as long as it takes. @default true
   */
  readonly waitForConnection?: boolean | undefined;
  /** Connects when something needs it, for processes that may never send. An auto-start consumer needs it. @default false */
  readonly lazy?: boolean | undefined;
  /** `false`: no `@AmqpSubscribe` of this connection consumes in this process. @default true */
  readonly registerHandlers?: boolean | undefined;
  /** Whether the application's global guards, pipes, interceptors and filters apply to `@AmqpSubscribe`. @default false */
  readonly inheritAppConfig?: boolean | undefined;
  /** Milliseconds that shutdown waits for running handlers and pending sends. @default 20_000 */
  readonly shutdownTimeoutMs?: number | undefined;
  /** Options for every send client of `forFeature` and every `@AmqpSubscribe` of this connection; their own win. */
  readonly defaults?:
    | {
        readonly send?: SendClientOptions | undefined;
        readonly subscribe?: Omit<SubscribeOptions, 'name'> | undefined;
      }
    | undefined;
  /** By consumer name: what wins over the decorator. A name that no consumer has is an error when the application starts. */
  readonly consumers?: Readonly<Record<string, ConsumerOverrides>> | undefined;
  /** The private broker of `uri: 'embedded:'`. */
  readonly broker?: EmbeddedBrokerOptions | undefined;
}

/** What `AmqpModule.forRoot({ consumers })` can say about one consumer. */
export interface ConsumerOverrides extends Omit<SubscribeOptions, 'name'> {
  readonly source?: Source | Source[] | undefined;
  /** `false`: it does not consume in this process and cannot be started. @default true */
  readonly enabled?: boolean | undefined;
  readonly topology?: Topology | undefined;
  readonly shutdownTimeoutMs?: number | undefined;
}

/** For `forRootAsync({ useClass | useExisting })`. */
export interface AmqpOptionsFactory {
  createAmqpOptions(): AmqpModuleOptions | Promise<AmqpModuleOptions>;
}

/** Options of `AmqpModule.forRootAsync`: exactly one of `useFactory`, `useClass`, `useExisting`. */
export interface AmqpModuleAsyncOptions {
  /** As in {@link AmqpModuleOptions}; here, because injection tokens are needed before the factory runs. @default 'default' */
  readonly name?: string | undefined;
  /** @default true */
  readonly isGlobal?: boolean | undefined;
  readonly imports?: ModuleMetadata['imports'];
  readonly inject?: (InjectionToken | OptionalFactoryDependency)[] | undefined;
  readonly extraProviders?: Provider[] | undefined;
  // any[]: the factory's parameters are whatever `inject` names.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly useFactory?: ((...args: any[]) => AmqpModuleOptions | Promise<AmqpModuleOptions>) | undefined;
  readonly useClass?: Type<AmqpOptionsFactory> | undefined;
  readonly useExisting?: Type<AmqpOptionsFactory> | undefined;
}

/** A send client of `forFeature`. */
export interface AmqpSenderOptions extends SendClientOptions {
  readonly name: string;
  /** @default the name */
  readonly target?: Target | undefined;
}

/** A receive client of `forFeature`. */
export interface AmqpReceiverOptions extends ReceiveClientOptions {
  readonly name: string;
  /** @default the name */
  readonly source?: Source | undefined;
}

/** Options of `AmqpModule.forFeature`. */
export interface AmqpFeatureOptions {
  /** Name of the connection. @default 'default' */
  readonly connection?: string | undefined;
  readonly senders?: readonly AmqpSenderOptions[] | undefined;
  readonly receivers?: readonly AmqpReceiverOptions[] | undefined;
}
