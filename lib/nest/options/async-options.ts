import type { Provider } from '@nestjs/common';

import { InvalidOptionsError } from '../../client/index.js';
import { getModuleOptionsToken } from '../tokens.js';
import type { AmqpModuleAsyncOptions, AmqpModuleOptions, AmqpOptionsFactory } from './amqp-module-options.js';
import { type ResolvedModuleOptions, resolveModuleOptions } from './resolve-module-options.js';

const SOURCES = ['useFactory', 'useClass', 'useExisting'] as const;

/** What gives the resolved options; the user's factory runs once. */
export function asyncOptionsProviders(options: AmqpModuleAsyncOptions, name: string, isGlobal: boolean): Provider[] {
  const given = SOURCES.filter((source) => options[source] !== undefined);
  if (given.length !== 1) {
    const received = given.length === 0 ? undefined : given.join(' and ');
    throw new InvalidOptionsError('AmqpModule.forRootAsync', `given exactly one of ${SOURCES.join(', ')}`, received);
  }
  const { useFactory, useClass, useExisting, inject = [], extraProviders = [] } = options;
  const provide = getModuleOptionsToken(name);
  const resolve = (made: AmqpModuleOptions): ResolvedModuleOptions => resolveMade(made, name, isGlobal);
  if (useFactory !== undefined) {
    const made: Provider = {
      provide,
      useFactory: async (...args: unknown[]) => resolve(await useFactory(...args)),
      inject: [...inject],
    };
    return [...extraProviders, made];
  }
  const factory = useClass ?? useExisting;
  const own: Provider[] = useClass === undefined ? [] : [useClass];
  const made: Provider = {
    provide,
    useFactory: async (maker: AmqpOptionsFactory) => resolve(await maker.createAmqpOptions()),
    inject: factory === undefined ? [] : [factory],
  };
  return [...extraProviders, ...own, made];
}

/** Injection tokens were made of the outer `name` and `isGlobal` before the factory ran; another answer could not be followed. */
function resolveMade(made: AmqpModuleOptions, name: string, isGlobal: boolean): ResolvedModuleOptions {
  const resolved = resolveModuleOptions(made);
  const outer = 'left out of what the factory returns, or as given to forRootAsync';
  if (made.name !== undefined && made.name !== name) throw new InvalidOptionsError('name', outer, made.name);
  if (made.isGlobal !== undefined && made.isGlobal !== isGlobal) {
    throw new InvalidOptionsError('isGlobal', outer, made.isGlobal);
  }
  return { ...resolved, name, isGlobal };
}
