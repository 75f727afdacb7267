import 'reflect-metadata';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, type INestApplicationContext, Module } from '@nestjs/common';
import { ApplicationConfig, DiscoveryModule, DiscoveryService, ModuleRef, NestFactory } from '@nestjs/core';
import { Ctx, Payload } from '@nestjs/microservices';
import { of } from 'rxjs';

import * as internals from '../../lib/nest/nest-internals.js';

// What lib/nest rests on and no release note of Nest promises. Runs on Nest 11 and 12.

@Injectable()
class Plain {
  run(@Ctx() _context: unknown, @Payload() _body: unknown): void {}
}
@Module({ imports: [DiscoveryModule], providers: [Plain] })
class App {}

describe('the internals of Nest that the pipeline uses', () => {
  let app: INestApplicationContext;
  beforeAll(async () => {
    app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
  });
  afterAll(() => app.close());

  it('are all there under their deep paths', () => {
    const missing = Object.entries(internals).filter(([, value]) => value === undefined);
    expect(missing).toEqual([]);
    expect(Object.keys(internals)).toHaveLength(16);
  });

  it('hand out the container and its application config through ModuleRef', () => {
    const container: unknown = Reflect.get(app.get(ModuleRef), 'container');
    expect(Reflect.get(container as object, 'applicationConfig')).toBeInstanceOf(ApplicationConfig);
  });

  it('tell of a provider its host module, id, kind and whether its tree is static', () => {
    const wrapper = app
      .get(DiscoveryService)
      .getProviders()
      .find(({ metatype }) => metatype === Plain);
    expect(wrapper).toMatchObject({ isAlias: false, isNotMetatype: false, isTransient: false, token: Plain });
    expect(typeof wrapper?.id).toBe('string');
    expect(typeof wrapper?.host?.token).toBe('string');
    expect(wrapper?.host?.getProviderByKey(ModuleRef).instance).toBeInstanceOf(ModuleRef);
    expect(wrapper?.isDependencyTreeStatic()).toBe(true);
    expect(wrapper?.isDependencyTreeDurable()).toBe(false);
  });

  it('write parameters as kind:index, payload and context with numbers of their own', () => {
    const metadata: unknown = Reflect.getMetadata(internals.ROUTE_ARGS_METADATA, Plain, 'run');
    const { PAYLOAD, CONTEXT } = internals.RpcParamtype;
    expect(metadata).toEqual({
      [`${CONTEXT}:0`]: expect.objectContaining({ index: 0, pipes: [] }),
      [`${PAYLOAD}:1`]: expect.objectContaining({ index: 1, pipes: [] }),
    });
    expect(internals.DEFAULT_CALLBACK_METADATA).toEqual({
      [`${PAYLOAD}:0`]: expect.objectContaining({ index: 0, pipes: [] }),
    });
  });

  it('take eight arguments for the RPC context, nine since Nest 12', () => {
    expect([8, 9]).toContain(internals.RpcContextCreator.length);
  });

  it('ask `handle` of the exceptions handler, and through it the filters', async () => {
    const proxy = new internals.RpcProxy();
    const container = app.get(ModuleRef)['container'];
    const filters = new internals.ExceptionFiltersContext(container, new ApplicationConfig());
    const handler = filters.create(app.get(Plain), (() => of(1)) as never, 'module');
    expect(handler.invokeCustomFilters(new Error('x'), {} as never)).toBeNull();
    const seen: unknown[] = [];
    handler.handle = (error: unknown) => of(seen.push(error));
    await proxy.create(() => Promise.reject(new Error('thrown')), handler)(1, {});
    expect(seen).toEqual([new Error('thrown')]);
  });
});
