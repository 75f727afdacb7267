import 'reflect-metadata';

import { AsyncLocalStorage } from 'node:async_hooks';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ArgumentMetadata,
  type ArgumentsHost,
  BadRequestException,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  createParamDecorator,
  type ExceptionFilter,
  type ExecutionContext,
  Inject,
  Injectable,
  type INestApplication,
  type INestApplicationContext,
  Module,
  type ModuleMetadata,
  type NestInterceptor,
  ParseIntPipe,
  type PipeTransform,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import {
  APP_FILTER,
  APP_GUARD,
  APP_INTERCEPTOR,
  APP_PIPE,
  type ContextId,
  ContextIdFactory,
  DiscoveryModule,
  DiscoveryService,
  type HostComponentInfo,
  MetadataScanner,
  ModuleRef,
  NestFactory,
} from '@nestjs/core';
import { BaseRpcExceptionFilter, CONTEXT, Ctx, Payload, RpcException } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { IsInt } from 'class-validator';
import { catchError, concat, EMPTY, map, type Observable, of, throwError } from 'rxjs';

import {
  AmqpAnnotation,
  AmqpApplicationProperty,
  type AmqpConnection,
  AmqpContext,
  AmqpDelivery,
  AmqpHeader,
  AmqpProperty,
  AmqpSubscribe,
  type Delivery,
  InvalidOptionsError,
  type ReceivedMessage,
} from '../../lib/index.js';
import { type DiscoveredHandler, discoverHandlers } from '../../lib/nest/consumer/discover-handlers.js';
import { HandlerPipeline, type RunHandler, STREAMED } from '../../lib/nest/consumer/handler-pipeline.js';

class Boom extends Error {
  readonly code = 'boom';
}
class Other extends Error {}

const logged: unknown[] = [];
const nothing = (): void => undefined;
const logger = {
  log: nothing,
  warn: nothing,
  debug: nothing,
  verbose: nothing,
  fatal: nothing,
  error: (...line: unknown[]): void => void logged.push(line),
};

/** Only what a handler reads; the delivery itself is the subject of other tests. */
function messageOf(sections: Partial<ReceivedMessage> = {}): ReceivedMessage {
  const delivery = { deliveryCount: 2 } as Delivery;
  const signal = new AbortController().signal;
  return { body: undefined, bodyType: 'value', address: 'orders', signal, delivery, ...sections } as ReceivedMessage;
}
function contextOf(message: ReceivedMessage = messageOf(), batch?: ReceivedMessage[]): AmqpContext {
  return new AmqpContext(message, {} as AmqpConnection, undefined, batch);
}

interface Asked {
  readonly boom?: boolean;
  readonly other?: boolean;
  readonly deny?: boolean;
  readonly guardThrows?: boolean;
  readonly interceptorThrows?: boolean;
  readonly mapThrows?: boolean;
  readonly pipeThrows?: boolean;
  readonly filter?: string;
  readonly value?: unknown;
}
const asked = (host: ArgumentsHost): Asked => host.switchToRpc().getData<Asked | undefined>() ?? {};

const Own = createParamDecorator((data: string, host: ExecutionContext) => {
  const context = host.switchToRpc().getContext<AmqpContext>();
  return `${data}:${host.getType()}:${context.getAddress()}`;
});

@Injectable()
class Dep {
  readonly name = 'dep';
  readonly trace: string[] = [];
}

@Injectable()
class DepGuard implements CanActivate {
  constructor(readonly dep: Dep) {}
  canActivate(host: ExecutionContext): boolean {
    this.dep.trace.push(`guard:${host.getType()}:${host.getClass().name}.${host.getHandler().name}`);
    if (asked(host).guardThrows) throw new Boom('guard');
    return !asked(host).deny;
  }
}

@Injectable()
class DepInterceptor implements NestInterceptor {
  constructor(readonly dep: Dep) {}
  intercept(host: ExecutionContext, next: CallHandler): Observable<unknown> {
    this.dep.trace.push('before');
    if (asked(host).interceptorThrows) throw new Boom('interceptor');
    return next.handle().pipe(
      map((value: unknown) => {
        this.dep.trace.push('after');
        if (asked(host).mapThrows) throw new Boom('map');
        return value;
      }),
    );
  }
}

@Injectable()
class DepPipe implements PipeTransform {
  constructor(readonly dep: Dep) {}
  transform(value: Asked | undefined, { type }: ArgumentMetadata): unknown {
    this.dep.trace.push(`pipe:${type}`);
    if (value?.pipeThrows) throw new Boom('pipe');
    return value;
  }
}

class OrderDto {
  @IsInt() readonly id: number = 0;
}

@Catch(Boom)
@Injectable()
class BoomFilter implements ExceptionFilter {
  constructor(readonly dep: Dep) {}
  catch(error: Boom, host: ArgumentsHost): unknown {
    this.dep.trace.push(`filter:${host.getType()}`);
    const answers: Record<string, () => unknown> = {
      value: () => 'handled',
      zero: () => 0,
      of: () => of('handled$'),
      'of-undefined': () => of(undefined),
      empty: () => EMPTY,
      async: () => Promise.resolve('handled async'),
      void: () => undefined,
      null: () => null,
      'async-void': () => Promise.resolve(),
      rethrow: () => {
        throw error;
      },
      throw: () => {
        throw new Other('from filter');
      },
      throwError: () => throwError(() => new Other('from filter$')),
      reject: () => Promise.reject(new Other('async')),
    };
    return answers[asked(host).filter ?? 'void']?.();
  }
}

@Catch()
class NestsOwn extends BaseRpcExceptionFilter {}

@Injectable()
class Plain {
  @AmqpSubscribe('a') bare(body: Asked): unknown {
    if (body?.boom) throw new Boom('bare');
    return ['bare', body];
  }
  @AmqpSubscribe('a') decorated(@Ctx() context: AmqpContext, @Payload() body: unknown): unknown {
    return [context.getPattern(), body];
  }
  @AmqpSubscribe('a') gap(first: unknown, @Payload() body: unknown): unknown {
    return [first, body];
  }
  @AmqpSubscribe('a') field(@Payload('id') id: unknown, @Own('x') own: string): unknown {
    return [id, own];
  }
  @AmqpSubscribe('a') async promise(): Promise<number> {
    return 7;
  }
  @AmqpSubscribe('a') nothing(): void {}
  @AmqpSubscribe('a') rpc(): void {
    throw new RpcException({ status: 'x', message: 'm' });
  }
  @AmqpSubscribe('a') text(): void {
    // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error -- what the test is about
    throw 'just a string';
  }
  @AmqpSubscribe('a') stream(body: Asked): Observable<number> {
    return body?.boom
      ? concat(
          of(1),
          throwError(() => new Boom('stream')),
        )
      : of(1, 2, 3);
  }
  @AmqpSubscribe('first') @AmqpSubscribe('second', { concurrency: 2 }) several(): void {}
  @AmqpSubscribe('a') validated(@Payload(new ValidationPipe({ transform: true })) body: OrderDto): unknown {
    return body;
  }
  @AmqpSubscribe('a') ownPiped(@Own('7', ParseIntPipe) own: number): unknown {
    return own;
  }
  @AmqpSubscribe('a') classPipe(@Payload(DepPipe) body: unknown): unknown {
    return body;
  }
  @AmqpSubscribe('a')
  @UsePipes(new ValidationPipe({ exceptionFactory: (errors) => new RpcException(errors) }))
  methodPipe(body: OrderDto): unknown {
    return body;
  }
}

@Injectable()
@UseGuards(DepGuard)
@UseInterceptors(DepInterceptor)
@UsePipes(DepPipe)
@UseFilters(BoomFilter)
class Full {
  constructor(readonly dep: Dep) {}
  @AmqpSubscribe('a') run(@Payload() body: Asked): unknown {
    this.dep.trace.push('handler');
    if (body?.boom) throw new Boom('handler');
    if (body?.other) throw new Other('handler');
    return body?.value;
  }
  @AmqpSubscribe('a') stream(@Payload() body: Asked): Observable<number> {
    return body?.boom
      ? concat(
          of(1),
          throwError(() => new Boom('stream')),
        )
      : of(1, 2, 3);
  }
  @AmqpSubscribe('a') none(): Observable<number> {
    return EMPTY;
  }
}

const recover: NestInterceptor = {
  intercept: (_host, next) => next.handle().pipe(catchError(() => of('recovered'))),
};

@Injectable()
class MethodLevel {
  @AmqpSubscribe('a') @UseGuards(DepGuard) @UseInterceptors(DepInterceptor) @UseFilters(BoomFilter) run(
    body: Asked,
  ): unknown {
    if (body?.boom) throw new Boom('handler');
    return 1;
  }
  @AmqpSubscribe('a') @UseFilters(BoomFilter) direct(body: Asked): unknown {
    if (body?.boom) throw new Boom('handler');
    return 1;
  }
  @AmqpSubscribe('a') @UseFilters(NestsOwn) nestsOwn(): void {
    throw new Boom('x');
  }
  @AmqpSubscribe('a') @UseInterceptors(recover) recover(): void {
    throw new Boom('x');
  }
}

@Controller()
@UseGuards(DepGuard)
@UseFilters(BoomFilter)
class Ctl {
  constructor(readonly dep: Dep) {}
  @AmqpSubscribe('a') run(@Payload() body: Asked): unknown {
    if (body?.boom) throw new Boom('ctl');
    return 'ctl';
  }
}

class Base {
  @AmqpSubscribe('base') inherited(@Payload() body: unknown): unknown {
    return [this.constructor.name, body];
  }
  @AmqpSubscribe('base') overridden(): string {
    return 'base';
  }
}
@Injectable()
class Sub extends Base {
  override overridden(): string {
    return 'sub';
  }
}
@Injectable()
class Sub2 extends Base {}
class ByFactory {
  @AmqpSubscribe('f') run(): string {
    return 'factory';
  }
}
class ByValue {
  @AmqpSubscribe('f') run(): string {
    return 'value';
  }
}
@Injectable()
class ByToken {
  constructor(readonly dep: Dep) {}
  @AmqpSubscribe('f') run(): string {
    return this.dep.name;
  }
}

let made = 0;
@Injectable({ scope: Scope.REQUEST })
class Scoped {
  readonly count = ++made;
  constructor(
    @Inject(CONTEXT) readonly request: { readonly data: unknown; getContext(): unknown; getPattern(): unknown },
    readonly dep: Dep,
  ) {}
  @AmqpSubscribe('s') @UseFilters(BoomFilter) run(@Payload() body: Asked, @Ctx() context: AmqpContext): unknown {
    if (body?.boom) throw new Boom('scoped');
    return [this.count, this.request.data, this.request.getContext() === context, this.request.getPattern()];
  }
  @AmqpSubscribe('s') stream(): Observable<number> {
    return of(1, 2);
  }
}
@Controller({ scope: Scope.REQUEST })
class ScopedCtl {
  readonly count = ++made;
  constructor(readonly dep: Dep) {}
  @AmqpSubscribe('s') run(): unknown {
    return [this.count, this.dep.name];
  }
}
@Injectable({ scope: Scope.REQUEST })
class ScopedDep {
  readonly count = ++made;
}
@Injectable()
class Bubbled {
  constructor(readonly scoped: ScopedDep) {}
  @AmqpSubscribe('s') run(): number {
    return this.scoped.count;
  }
}
const guardSaw = new WeakMap<object, number>();
@Injectable({ scope: Scope.REQUEST })
class ScopedGuard {
  constructor(readonly scoped: ScopedDep) {}
  canActivate(host: ExecutionContext): boolean {
    guardSaw.set(host.switchToRpc().getContext<object>(), this.scoped.count);
    return true;
  }
}
@Injectable()
class WithScopedGuard {
  @AmqpSubscribe('s') @UseGuards(ScopedGuard) run(@Ctx() context: AmqpContext): unknown {
    return guardSaw.get(context);
  }
}
@Injectable({ scope: Scope.TRANSIENT })
class TransientGuard {
  constructor(readonly dep: Dep) {}
  canActivate(): boolean {
    return this.dep.name === 'dep';
  }
}
@Injectable()
class WithTransientGuard {
  @AmqpSubscribe('s') @UseGuards(TransientGuard) run(): string {
    return 'passed';
  }
}
@Injectable({ scope: Scope.REQUEST })
class FailsToBuild {
  constructor() {
    throw new Boom('constructor');
  }
  @AmqpSubscribe('s') @UseFilters(BoomFilter) run(): void {}
}
@Module({ providers: [Sub], exports: [Sub] })
class Second {}

interface Booted {
  readonly app: INestApplicationContext;
  readonly handlers: readonly DiscoveredHandler[];
  readonly dep: Dep;
  readonly run: (name: string, data?: unknown, context?: AmqpContext) => Promise<unknown>;
  readonly failure: (name: string, data?: unknown) => Promise<unknown>;
  readonly values: (name: string, data?: unknown) => Promise<unknown[]>;
}

async function boot(
  metadata: ModuleMetadata,
  options: {
    readonly inherit?: boolean;
    readonly http?: boolean;
    readonly before?: (app: INestApplication) => void;
  } = {},
): Promise<Booted> {
  @Module({
    ...metadata,
    imports: [DiscoveryModule, ...(metadata.imports ?? [])],
    providers: [Dep, ...(metadata.providers ?? [])],
  })
  class App {}
  const app =
    options.http === false
      ? await NestFactory.createApplicationContext(App, { logger, abortOnError: false })
      : await NestFactory.create(App, { logger, abortOnError: false });
  if (options.before !== undefined) options.before(app as INestApplication); // only where http is left out
  await app.init();
  const handlers = discoverHandlers(app.get(DiscoveryService), app.get(MetadataScanner));
  const pipeline = new HandlerPipeline(app.get(ModuleRef), { inheritAppConfig: options.inherit ?? false });
  const runs = new Map<string, RunHandler>();
  for (const { wrapper, className, methodName } of handlers) {
    runs.set(`${className}.${methodName}`, pipeline.compile(wrapper, methodName));
  }
  const call = async (name: string, ...args: Parameters<RunHandler>): Promise<unknown> => {
    const run = runs.get(name);
    if (run === undefined) throw new Error(`no handler ${name}`);
    return run(...args);
  };
  return {
    app,
    handlers,
    dep: app.get(Dep),
    run: (name, data, context = contextOf()) => call(name, data, context),
    failure: (name, data) =>
      call(name, data, contextOf()).then(
        (value) => {
          throw new Error(`resolved with ${JSON.stringify(value)}`);
        },
        (error: unknown) => error,
      ),
    values: async (name, data) => {
      const values: unknown[] = [];
      const end = await call(name, data, contextOf(), (value) => void values.push(value));
      expect(end).toBe(STREAMED);
      return values;
    },
  };
}

describe.each([
  ['an HTTP application', true],
  ['an application context', false],
])('handlers of %s', (_kind, http) => {
  let app: Booted;
  let names: string[];
  beforeAll(async () => {
    const providers = [
      Plain,
      Full,
      MethodLevel,
      Sub,
      Sub2,
      Scoped,
      ScopedDep,
      Bubbled,
      WithScopedGuard,
      WithTransientGuard,
      ByToken,
      FailsToBuild,
      { provide: 'FACTORY', useFactory: (): ByFactory => new ByFactory() },
      { provide: ByValue, useValue: new ByValue() },
      { provide: 'NULL', useValue: null },
      { provide: 'FUNCTION', useValue: nothing },
      { provide: 'CONFIG', useValue: { constructor: 'not a class' } },
      { provide: 'ALIAS', useExisting: Plain },
      { provide: 'SAME', useFactory: (plain: Plain): Plain => plain, inject: [Plain] },
      { provide: 'TOKEN', useClass: ByToken },
    ];
    app = await boot({ imports: [Second], providers, controllers: [Ctl, ScopedCtl] }, { http });
    names = app.handlers.map(({ className, methodName, wrapper }) =>
      typeof wrapper.token === 'string' ? wrapper.token : `${className}.${methodName}`,
    );
  });
  afterAll(() => app.app.close());

  it.each([
    ['Plain.bare', 1],
    ['Ctl.run', 1],
    ['FACTORY', 1],
    ['ByValue.run', 1],
    ['TOKEN', 1],
    ['ByToken.run', 1],
    ['ALIAS', 0],
    ['SAME', 0],
    ['ScopedCtl.run', 1],
    ['Sub.inherited', 2],
    ['Sub.overridden', 0],
    ['Sub2.overridden', 1],
  ])('finds %s %d time(s)', (name, times) => {
    expect(names.filter((candidate) => candidate === name)).toHaveLength(times);
  });

  it('keeps several decorators in the order in which they are written', () => {
    const several = app.handlers.find(({ methodName }) => methodName === 'several');
    expect(several?.declarations).toEqual([
      { source: 'first', options: {} },
      { source: 'second', options: { concurrency: 2 } },
    ]);
  });

  it.each([
    ['a handler', 'Plain.bare', { boom: true }, Boom, 'bare'],
    ['a handler behind enhancers', 'Full.run', { other: true }, Other, 'handler'],
    ['a pipe', 'Full.run', { pipeThrows: true }, Boom, 'pipe'],
    ['a guard', 'Full.run', { guardThrows: true }, Boom, 'guard'],
    ['an interceptor', 'Full.run', { interceptorThrows: true }, Boom, 'interceptor'],
    ["an interceptor's map", 'Full.run', { mapThrows: true }, Boom, 'map'],
    ['a stream', 'Plain.stream', { boom: true }, Boom, 'stream'],
    ['a stream behind enhancers', 'Full.stream', { boom: true }, Boom, 'stream'],
    ['a class pipe on a parameter', 'Plain.classPipe', { pipeThrows: true }, Boom, 'pipe'],
    ['a guard that denies', 'Full.run', { deny: true }, RpcException, 'Forbidden resource'],
    ['a request-scoped constructor, unasked filters', 'FailsToBuild.run', {}, Boom, 'constructor'],
    ['a ValidationPipe', 'Plain.validated', { id: 'x' }, BadRequestException, 'Bad Request Exception'],
    ["a ValidationPipe's own factory", 'Plain.methodPipe', { id: 'x' }, RpcException, 'Rpc Exception'],
    ['a pipe on an own decorator', 'Plain.ownPiped', 1, BadRequestException, /numeric string/],
  ])('passes on the original error of %s, and Nest logs nothing', async (_what, name, data, type, message) => {
    logged.length = 0;
    const error = await app.failure(name, data);
    expect(error).toBeInstanceOf(type);
    expect((error as Error).message).toEqual(expect.stringMatching(message));
    expect(logged).toEqual([]);
  });

  it('passes on what is thrown when it is no error, and an RpcException as it is', async () => {
    expect(await app.failure('Plain.text')).toBe('just a string');
    expect(((await app.failure('Plain.rpc')) as RpcException).getError()).toEqual({ status: 'x', message: 'm' });
  });

  it('gives parameters by decorator, and the payload first without any', async () => {
    expect(await app.run('Plain.bare', 1)).toEqual(['bare', 1]);
    expect(await app.run('Plain.decorated', 2)).toEqual(['orders', 2]);
    expect(await app.run('Plain.field', { id: 3 })).toEqual([3, 'x:rpc:orders']);
    const [first, body] = (await app.run('Plain.gap', 4)) as unknown[];
    expect(first ?? null).toBeNull();
    expect(body).toBe(4);
  });

  it('resolves to a value, a promise, nothing, or the end of a stream', async () => {
    expect(await app.run('Plain.promise')).toBe(7);
    expect(await app.run('Plain.nothing')).toBeUndefined();
    expect(await app.run('Full.run', { value: 9 })).toBe(9);
    expect(await app.values('Plain.stream')).toEqual([1, 2, 3]);
    expect(await app.values('Full.stream', {})).toEqual([1, 2, 3]);
    expect(await app.values('Full.none', {})).toEqual([]);
    expect(await app.values('Scoped.stream')).toEqual([1, 2]);
  });

  it('runs guard, interceptor, pipe, handler, interceptor in this order, with their dependencies', async () => {
    app.dep.trace.length = 0;
    await app.run('Full.run', { value: 1 });
    expect(app.dep.trace).toEqual(['guard:rpc:Full.run', 'before', 'pipe:body', 'handler', 'after']);
  });

  it('transforms with a ValidationPipe, and tells which field is wrong', async () => {
    expect(await app.run('Plain.validated', { id: 1 })).toBeInstanceOf(OrderDto);
    const error = (await app.failure('Plain.validated', { id: 'x' })) as BadRequestException;
    expect(error.getResponse()).toMatchObject({ message: ['id must be an integer number'] });
  });

  describe.each(['Full.run', 'MethodLevel.run', 'MethodLevel.direct', 'Ctl.run', 'Scoped.run'])(
    'a filter on %s',
    (name) => {
      it.each([
        ['value', 'handled'],
        ['zero', 0],
        ['of', 'handled$'],
        ['of-undefined', undefined],
        ['empty', undefined],
        ['async', 'handled async'],
      ])('handles the error with %s', async (filter, value) => {
        expect(await app.run(name, { boom: true, filter })).toBe(value);
      });

      it.each(['void', 'null', 'async-void', 'rethrow'])('leaves the original error with %s', async (filter) => {
        expect(await app.failure(name, { boom: true, filter })).toBeInstanceOf(Boom);
      });

      it.each(['throw', 'throwError', 'reject'])('puts its own error in place with %s', async (filter) => {
        expect(await app.failure(name, { boom: true, filter })).toBeInstanceOf(Other);
      });
    },
  );

  it('adds the value of a filter to what a stream gave before it failed', async () => {
    expect(await app.values('Full.stream', { boom: true, filter: 'of' })).toEqual([1, 'handled$']);
    expect(await app.values('Full.stream', { boom: true, filter: 'value' })).toEqual([1, 'handled']);
  });

  it("shows Nest's own answer for a filter that extends BaseRpcExceptionFilter", async () => {
    expect(await app.failure('MethodLevel.nestsOwn')).toEqual({ status: 'error', message: 'Internal server error' });
  });

  it('takes the value with which an interceptor recovers', async () => {
    expect(await app.run('MethodLevel.recover')).toBe('recovered');
  });

  it('makes request-scoped providers, controllers, dependencies and guards anew for each call', async () => {
    const [first, second] = [
      await app.run('Scoped.run', { x: 1 }),
      await app.run('Scoped.run', { x: 2 }),
    ] as unknown[][];
    expect(first?.[0]).not.toBe(second?.[0]);
    expect(second?.slice(1)).toEqual([{ x: 2 }, true, 'orders']);
    expect(await app.run('ScopedCtl.run')).not.toEqual(await app.run('ScopedCtl.run'));
    expect(await app.run('Bubbled.run')).not.toBe(await app.run('Bubbled.run'));
    expect(await app.run('WithScopedGuard.run')).not.toBe(await app.run('WithScopedGuard.run'));
    expect(await app.run('WithTransientGuard.run')).toBe('passed');
  });

  it('keeps fifty request-scoped calls at once apart', async () => {
    const calls = Array.from({ length: 50 }, (_, index) => app.run('Scoped.run', index));
    const results = (await Promise.all(calls)) as unknown[][];
    expect(new Set(results.map(([count]) => count)).size).toBe(50);
    expect(results.every(([, data, sameContext], index) => data === index && sameContext === true)).toBe(true);
  });

  it('lets an AsyncLocalStorage reach the handler', async () => {
    const storage = new AsyncLocalStorage<number>();
    let seen: number | undefined;
    const data = {
      get value(): number {
        seen = storage.getStore();
        return 1;
      },
    };
    await storage.run(5, () => app.run('Full.run', data));
    expect(seen).toBe(5);
  });
});

it('runs the enhancers of its own module where a class stands in two', async () => {
  const which = new WeakMap<object, string>();
  @Injectable()
  class Which {
    constructor(@Inject('W') readonly name: string) {}
    canActivate(host: ExecutionContext): boolean {
      which.set(host.switchToRpc().getContext<object>(), this.name);
      return true;
    }
  }
  @Injectable()
  class Twice {
    @AmqpSubscribe('x') @UseGuards(Which) run(@Ctx() context: AmqpContext): unknown {
      return which.get(context);
    }
  }
  @Injectable({ scope: Scope.REQUEST })
  class TwiceScoped {
    constructor(@Inject('W') readonly name: string) {}
    @AmqpSubscribe('x') run(): string {
      return this.name;
    }
  }
  @Module({ providers: [Twice, TwiceScoped, { provide: 'W', useValue: 'one' }] })
  class One {}
  @Module({ providers: [Twice, TwiceScoped, { provide: 'W', useValue: 'two' }] })
  class Two {}
  const { app, handlers } = await boot({ imports: [One, Two] });
  const pipeline = new HandlerPipeline(app.get(ModuleRef), { inheritAppConfig: false });
  const runs = handlers.map(({ wrapper, methodName }) => pipeline.compile(wrapper, methodName)(1, contextOf()));
  expect(await Promise.all(runs)).toEqual(['one', 'one', 'two', 'two']);
  await app.close();
});

it('asks the filter of the method before that of the class', async () => {
  @Catch()
  class OfClass {
    catch(): Observable<string> {
      return of('class');
    }
  }
  @Catch()
  class OfMethod {
    catch(): Observable<string> {
      return of('method');
    }
  }
  @Injectable()
  @UseFilters(OfClass)
  class Two {
    @AmqpSubscribe('x') @UseFilters(OfMethod) run(): void {
      throw new Boom();
    }
    @AmqpSubscribe('x') other(): void {
      throw new Boom();
    }
  }
  const { app, run } = await boot({ providers: [Two] });
  expect([await run('Two.run'), await run('Two.other')]).toEqual(['method', 'class']);
  await app.close();
});

it('makes a durable provider once per tenant', async () => {
  @Injectable({ scope: Scope.REQUEST, durable: true })
  class Durable {
    readonly count = ++made;
    constructor(@Inject(CONTEXT) readonly tenant: object) {}
    @AmqpSubscribe('s') run(): unknown {
      return [this.count, { ...this.tenant }];
    }
  }
  const roots = new Map<string, ContextId>();
  ContextIdFactory.apply({
    attach(contextId: ContextId, request: { readonly data: { readonly tenant: string } }) {
      const { tenant } = request.data;
      const root = roots.get(tenant) ?? ContextIdFactory.create();
      roots.set(tenant, root);
      return {
        resolve: (info: HostComponentInfo) => (info.isTreeDurable ? root : contextId),
        payload: { tenant },
      };
    },
  });
  try {
    const { app, run } = await boot({ providers: [Durable] });
    const [a, b, again] = [
      await run('Durable.run', { tenant: 'A' }),
      await run('Durable.run', { tenant: 'B' }),
      await run('Durable.run', { tenant: 'A' }),
    ] as [unknown, unknown][];
    expect(again?.[0]).toBe(a?.[0]);
    expect(b?.[0]).not.toBe(a?.[0]);
    expect([a?.[1], b?.[1]]).toEqual([{ tenant: 'A' }, { tenant: 'B' }]);
    await app.close();
  } finally {
    Reflect.set(ContextIdFactory, 'strategy', undefined);
  }
});

it('takes a guard that @nestjs/testing put in place', async () => {
  const module = await Test.createTestingModule({ imports: [DiscoveryModule], providers: [Dep, Full] })
    .overrideGuard(DepGuard)
    .useValue({ canActivate: () => false })
    .compile();
  await module.init();
  const [handler] = discoverHandlers(module.get(DiscoveryService), module.get(MetadataScanner));
  if (handler === undefined) throw new Error('not found');
  const run = new HandlerPipeline(module.get(ModuleRef), { inheritAppConfig: false }).compile(handler.wrapper, 'run');
  await expect(run({}, contextOf())).rejects.toThrow('Forbidden resource');
  await module.close();
});

it('refuses a transient provider with a handler, by name', async () => {
  @Injectable({ scope: Scope.TRANSIENT })
  class Transient {
    @AmqpSubscribe('x') run(): void {}
  }
  await expect(boot({ providers: [Transient] })).rejects.toThrow(/@AmqpSubscribe on Transient\.run .*transient/);
});

describe('global enhancers', () => {
  const trace: string[] = [];
  class GlobalGuard {
    canActivate(): boolean {
      return trace.push('guard') > 0;
    }
  }
  class GlobalInterceptor {
    intercept(_host: ExecutionContext, next: CallHandler): Observable<unknown> {
      trace.push('interceptor');
      return next.handle();
    }
  }
  class GlobalPipe {
    transform(value: unknown): unknown {
      trace.push('pipe');
      return value;
    }
  }
  @Catch()
  class GlobalFilter {
    catch(): Observable<string> {
      return of('by global filter');
    }
  }
  @Injectable({ scope: Scope.REQUEST })
  class ScopedGlobalGuard {
    constructor(readonly dep: Dep) {}
    canActivate(): boolean {
      return trace.push(`scoped guard ${this.dep.name}`) > 0;
    }
  }
  const useGlobals = (app: INestApplication): void => {
    app.useGlobalGuards(new GlobalGuard()).useGlobalInterceptors(new GlobalInterceptor());
    app.useGlobalPipes(new GlobalPipe()).useGlobalFilters(new GlobalFilter());
  };
  const appProviders = [
    { provide: APP_GUARD, useClass: GlobalGuard },
    { provide: APP_INTERCEPTOR, useClass: GlobalInterceptor },
    { provide: APP_PIPE, useClass: GlobalPipe },
    { provide: APP_FILTER, useClass: GlobalFilter },
  ];

  it.each([
    ['app.useGlobal*', false, [], useGlobals],
    ['app.useGlobal*', true, [], useGlobals],
    ['APP_* providers', false, appProviders, undefined],
    ['APP_* providers', true, appProviders, undefined],
  ])('of %s apply only with inheritAppConfig (%s)', async (_how, inherit, extra, before) => {
    const options = before === undefined ? { inherit } : { inherit, before };
    const { app, run, failure } = await boot({ providers: [Plain, ...extra], controllers: [Ctl] }, options);
    trace.length = 0;
    await run('Plain.bare', 1);
    await run('Ctl.run', 1);
    const once = ['guard', 'interceptor', 'pipe'];
    expect(trace).toEqual(inherit ? [...once, ...once] : []);
    if (inherit) expect(await run('Plain.bare', { boom: true })).toBe('by global filter');
    else expect(await failure('Plain.bare', { boom: true })).toBeInstanceOf(Boom);
    await app.close();
  });

  it.each([false, true])('that are request-scoped apply only with inheritAppConfig (%s)', async (inherit) => {
    const providers = [Plain, { provide: APP_GUARD, useClass: ScopedGlobalGuard }];
    const { app, run } = await boot({ providers, controllers: [Ctl] }, { inherit });
    trace.length = 0;
    await run('Plain.bare', 1);
    await run('Ctl.run', 1);
    expect(trace).toEqual(inherit ? ['scoped guard dep', 'scoped guard dep'] : []);
    await app.close();
  });

  it('of Nest 12 before guards run only with inheritAppConfig, and leave values, streams and errors intact', async () => {
    for (const inherit of [false, true]) {
      let count = 0;
      let isKnown = false;
      const before = (app: INestApplication): void => {
        const register: unknown = Reflect.get(app, 'registerPreRequestHook');
        if (typeof register !== 'function') return;
        isKnown = true;
        register.call(app, (_host: unknown, next: () => unknown) => {
          count += 1;
          return next();
        });
      };
      const { app, run, values, failure } = await boot({ providers: [Plain, Full] }, { inherit, before });
      expect(await run('Plain.bare', 1)).toEqual(['bare', 1]);
      expect(await values('Plain.stream', 1)).toEqual([1, 2, 3]);
      expect(await failure('Plain.bare', { boom: true })).toBeInstanceOf(Boom);
      expect(await values('Full.stream', {})).toEqual([1, 2, 3]);
      expect(count).toBe(inherit && isKnown ? 4 : 0);
      await app.close();
    }
  });
});

describe('the parameter decorators', () => {
  const brackets: PipeTransform = { transform: (value: unknown) => `[${String(value)}]` };

  @Injectable()
  class Parameters {
    @AmqpSubscribe('p') all(
      @AmqpHeader() header: unknown,
      @AmqpHeader('priority') priority: unknown,
      @AmqpProperty('subject', brackets) subject: unknown,
      @AmqpApplicationProperty('tenant') tenant: unknown,
      @AmqpAnnotation('x-opt-a', brackets) annotation: unknown,
      @AmqpDelivery() delivery: Delivery,
    ): unknown {
      return [header, priority, subject, tenant, annotation, delivery?.deliveryCount];
    }
    @AmqpSubscribe('p') absent(
      @AmqpHeader() header: unknown,
      @AmqpApplicationProperty('constructor') inherited: unknown,
      @AmqpApplicationProperty('absent') absent: unknown,
      @AmqpProperty('subject', ParseIntPipe) piped: unknown,
    ): unknown {
      return [header, inherited, absent, piped];
    }
    @AmqpSubscribe('p') batch(
      @Payload() bodies: unknown[],
      @AmqpApplicationProperty('tenant') tenants: unknown,
      @AmqpDelivery() deliveries: Delivery[],
      @Ctx() context: AmqpContext,
    ): unknown {
      return [bodies, tenants, deliveries.length, context.getMessages().length, context.getMessage().body];
    }
  }

  let app: Booted;
  beforeAll(async () => {
    app = await boot({ providers: [Parameters] });
  });
  afterAll(() => app.app.close());

  it('give sections, fields and the delivery, through their pipes', async () => {
    const message = messageOf({
      header: { priority: 7 },
      properties: { subject: 's' },
      applicationProperties: { tenant: 't' },
      messageAnnotations: { 'x-opt-a': 1 },
    });
    expect(await app.run('Parameters.all', {}, contextOf(message))).toEqual([{ priority: 7 }, 7, '[s]', 't', '[1]', 2]);
  });

  it('give an empty section and undefined fields where the message has none, never what every object inherits', async () => {
    const message = messageOf({ applicationProperties: {}, properties: { subject: '12' } });
    expect(await app.run('Parameters.absent', {}, contextOf(message))).toEqual([{}, undefined, undefined, 12]);
  });

  it('give a batch handler one element per message', async () => {
    const messages = ['a', 'b'].map((tenant) => messageOf({ body: tenant, applicationProperties: { tenant } }));
    const [first] = messages;
    const bodies = messages.map(({ body }) => body);
    expect(await app.run('Parameters.batch', bodies, contextOf(first, messages))).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      2,
      2,
      'a',
    ]);
  });
});

describe('@AmqpSubscribe refuses', () => {
  const decorate = (source: unknown, options?: unknown, descriptor: PropertyDescriptor = { value: nothing }): void => {
    const decorator = AmqpSubscribe(source as string, options as object);
    decorator(Plain.prototype, 'someMethod', descriptor);
  };
  it.each([
    ['no source', undefined, {}],
    ['an empty address', '', {}],
    ['an empty list', [], {}],
    ['a list with an empty address', ['a', ''], {}],
    ['a list in a list', [['a']], {}],
    ['a factory in a list', [nothing], {}],
    ['a number', 5, {}],
    ['null', null, {}],
    ['options that are none', 'a', 5],
    ['null for options', 'a', null],
    ['an unknown option', 'a', { concurency: 1 }],
    ['an impossible option', 'a', { concurrency: 0 }],
    ['an empty name', 'a', { name: '' }],
    ['a shutdownTimeoutMs below 0', 'a', { shutdownTimeoutMs: -1 }],
    ['a source without an address', { selector: 'x' }, {}],
  ])('%s', (_what, source, options) => {
    expect(() => decorate(source, options)).toThrow(InvalidOptionsError);
  });

  it('anything but a method, by class and name', () => {
    expect(() => decorate('a', {}, { get: () => 1 })).toThrow('@AmqpSubscribe on Plain.someMethod must be on a method');
  });
});
