import { type DynamicModule, Module, type Provider } from '@nestjs/common';

import { AmqpConnection } from '../client/index.js';
import { checkBoolean, checkText } from '../client/options/index.js';
import { AmqpCoreModule } from './amqp-core.module.js';
import { AmqpRuntime } from './lifecycle/amqp-runtime.js';
import type { ConnectionHost } from './lifecycle/connection-host.js';
import type { AmqpFeatureOptions, AmqpModuleAsyncOptions, AmqpModuleOptions } from './options/amqp-module-options.js';
import { asyncOptionsProviders } from './options/async-options.js';
import { receiverProvider, resolveFeatureOptions, senderProvider } from './options/feature-options.js';
import { type ResolvedModuleOptions, resolveModuleOptions } from './options/resolve-module-options.js';
import { getAmqpConnectionToken, getConnectionHostToken, getModuleOptionsToken } from './tokens.js';

/** AMQP 1.0 connections for a Nest application: `forRoot` makes one, `forFeature` declares senders and receivers on it. */
@Module({})
export class AmqpModule {
  /**
   * One connection, named by `name` where there are several. It opens when the application bootstraps.
   * @throws InvalidOptionsError for an undefined `uri` and for options that cannot work
   */
  static forRoot(options: string | readonly string[] | AmqpModuleOptions | undefined): DynamicModule {
    const resolved = resolveModuleOptions(options);
    const provider: Provider = { provide: getModuleOptionsToken(resolved.name), useValue: resolved };
    return connectionModule(resolved, { module: AmqpConnectionModule, providers: [provider] });
  }

  /**
   * As `forRoot`, with options from a provider; `name` and `isGlobal` stand outside the factory.
   * @throws InvalidOptionsError unless exactly one of `useFactory`, `useClass` and `useExisting` is given
   */
  static forRootAsync(options: AmqpModuleAsyncOptions): DynamicModule {
    const name = checkText(options.name, 'name') ?? 'default';
    const isGlobal = checkBoolean(options.isGlobal, 'isGlobal', true);
    return connectionModule(
      { name, isGlobal },
      {
        module: AmqpConnectionModule,
        imports: options.imports ?? [],
        providers: asyncOptionsProviders(options, name, isGlobal),
      },
    );
  }

  /**
   * Send and receive clients to inject by name; they attach on first use and close with the connection.
   * @throws InvalidOptionsError
   */
  static forFeature(options: AmqpFeatureOptions): DynamicModule {
    const { connection, senders, receivers } = resolveFeatureOptions(options);
    const providers = [
      ...senders.map((sender) => senderProvider(sender, connection)),
      ...receivers.map((receiver) => receiverProvider(receiver, connection)),
    ];
    return { module: AmqpModule, providers, exports: providers.map(({ provide }) => provide) };
  }
}

/** Always global, so that forFeature finds the connection; what `isGlobal` governs is the injection by users. */
@Module({})
class AmqpConnectionModule {}

function connectionModule(
  { name, isGlobal }: Pick<ResolvedModuleOptions, 'name' | 'isGlobal'>,
  options: DynamicModule,
): DynamicModule {
  const hostToken = getConnectionHostToken(name);
  const token = getAmqpConnectionToken(name);
  const host: DynamicModule = {
    ...options,
    global: true,
    imports: [...(options.imports ?? []), AmqpCoreModule],
    providers: [
      ...(options.providers ?? []),
      {
        provide: hostToken,
        useFactory: (runtime: AmqpRuntime, resolved: ResolvedModuleOptions) => runtime.add(resolved),
        inject: [AmqpRuntime, getModuleOptionsToken(name)],
      },
    ],
    exports: [hostToken],
  };
  const connection: Provider = {
    provide: token,
    useFactory: (found: ConnectionHost) => found.connection,
    inject: [hostToken],
  };
  const byClass: Provider[] = name === 'default' ? [{ provide: AmqpConnection, useExisting: token }] : [];
  return {
    module: AmqpModule,
    global: isGlobal,
    imports: [host, AmqpCoreModule],
    providers: [connection, ...byClass],
    exports: [token, ...(byClass.length > 0 ? [AmqpConnection] : []), AmqpCoreModule],
  };
}
