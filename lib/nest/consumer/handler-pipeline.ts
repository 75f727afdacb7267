// A message arriving: concurrency gate -> handler pipeline -> your method. Makes one function of a decorated method and its guards,
// interceptors, pipes and filters, which run as an `rpc` context.

import { ApplicationConfig, type ContextId, ContextIdFactory, ModuleRef } from '@nestjs/core';
import { isObservable, lastValueFrom, tap } from 'rxjs';

import type { AmqpContext } from '../amqp-context.js';
import {
  DEFAULT_CALLBACK_METADATA,
  ExceptionFiltersContext,
  GuardsConsumer,
  GuardsContextCreator,
  type InstanceWrapper,
  InterceptorsConsumer,
  InterceptorsContextCreator,
  PipesConsumer,
  PipesContextCreator,
  RequestContextHost,
  ROUTE_ARGS_METADATA,
  RpcContextCreator,
  RpcParamtype,
  RpcProxy,
} from '../nest-internals.js';
import { originalError } from './original-error.js';

/**
 * Runs the handler once. Resolves to its value; after an Observable's last value to `STREAMED`, each of its values having gone to
 * `emit` before. Rejects with the error that the handler, a pipe, guard or interceptor threw, unless a filter handled it.
 */
export type RunHandler = (data: unknown, context: AmqpContext, emit?: (value: unknown) => void) => Promise<unknown>;

/** What a handler that returned an Observable itself resolves to. */
export const STREAMED: symbol = Symbol('streamed');

type Call = (data: unknown, context: AmqpContext) => Promise<unknown>;
type Target = Record<string, (...args: unknown[]) => unknown>;
type Place = Pick<InstanceWrapper, 'host' | 'id'>;

/** Compiles handlers of one application; `inheritAppConfig` adds the application's global enhancers. */
export class HandlerPipeline {
  private readonly proxy = new RpcProxy();
  private readonly marker = new StreamMarkingConsumer();
  private readonly config: ApplicationConfig;
  private readonly filters: OriginalErrorFilters;
  private readonly enhancers: [PipesContextCreator, GuardsContextCreator, InterceptorsContextCreator];
  private readonly creator: RpcContextCreator;

  constructor(moduleRef: ModuleRef, { inheritAppConfig }: { readonly inheritAppConfig: boolean }) {
    const container = moduleRef['container']; // protected in Nest's types; there is no public way to it
    this.config = (inheritAppConfig ? container.applicationConfig : undefined) ?? new ApplicationConfig();
    this.filters = new OriginalErrorFilters(container, this.config);
    const pipes = new PipesContextCreator(container, this.config);
    const guards = new GuardsContextCreator(container, this.config);
    const interceptors = new InterceptorsContextCreator(container, this.config);
    this.enhancers = [pipes, guards, interceptors];
    this.creator = new RpcContextCreator(
      this.proxy,
      this.filters,
      pipes,
      new PipesConsumer(),
      guards,
      new GuardsConsumer(),
      interceptors,
      this.marker,
      // The ninth since Nest 12, for pre-request hooks; Nest 11 ignores it.
      ...([this.config] as unknown as []),
    );
  }

  /** Once per handler where its tree of dependencies is static; a request-scoped one is resolved and built for each call. */
  compile(wrapper: InstanceWrapper<object>, methodName: string): RunHandler {
    if (!wrapper.isDependencyTreeStatic()) return this.perCall(wrapper, methodName);
    const target = wrapper.instance as Target; // true: discovery found a method of this name
    return this.settled(this.direct(target, wrapper, methodName) ?? this.build(target, wrapper, methodName));
  }

  private build(target: Target, { host, id }: Place, methodName: string, contextId?: ContextId): Call {
    const method = methodOf(target, methodName);
    // true: with `rpc` arguments the data and the context
    return this.creator.create(target, method as never, moduleKey(host), methodName, contextId, id) as Call;
  }

  /** The short way: with nothing but `@Payload()` and `@Ctx()` to do, only the user's filters stand around the call. */
  private direct(target: Target, { host, id }: Place, methodName: string): Call | undefined {
    const method = methodOf(target, methodName);
    const where = [target, method as never, moduleKey(host), undefined, id] as const;
    if (preRequestHooks(this.config) > 0) return undefined;
    if (this.enhancers.some((creator) => creator.create(...where).length > 0)) return undefined;
    const order = bareArguments(target, methodName);
    if (order === undefined) return undefined;
    const { marker } = this;
    const call = async (...args: unknown[]): Promise<unknown> =>
      marker.mark(
        await method.apply(
          target,
          order.map((position) => args[position]),
        ),
        args[1],
      );
    return this.proxy.create(call as never, this.filters.create(...where));
  }

  private perCall(wrapper: InstanceWrapper<object>, methodName: string): RunHandler {
    const isDurable = wrapper.isDependencyTreeDurable();
    const { host, token } = wrapper;
    // true: every module of Nest provides its own ModuleRef
    const home = host?.getProviderByKey<ModuleRef>(ModuleRef).instance as ModuleRef;
    return async (data, context, emit) => {
      const request = RequestContextHost.create(context.getPattern(), data, context);
      const contextId = ContextIdFactory.getByRequest(request);
      const payload: unknown = contextId.payload;
      home.registerRequestByContextId(isDurable ? payload : Object.assign(request, payload), contextId);
      const target = await home.resolve<Target>(token as string, contextId, { strict: true });
      return this.settled(this.build(target, wrapper, methodName, contextId))(data, context, emit);
    };
  }

  private settled(call: Call): RunHandler {
    const { streams } = this.marker;
    return async (data, context, emit) => {
      const result = await call(data, context);
      if (!isObservable(result)) return result;
      const emitted = result.pipe(tap((value) => (streams.has(context) ? emit?.(value) : undefined)));
      const last = await lastValueFrom(emitted, { defaultValue: undefined });
      return streams.has(context) ? STREAMED : last;
    };
  }
}

class OriginalErrorFilters extends ExceptionFiltersContext {
  override create(
    ...args: Parameters<ExceptionFiltersContext['create']>
  ): ReturnType<ExceptionFiltersContext['create']> {
    const handler = super.create(...args);
    handler.handle = (error: unknown, host) => originalError(handler, error, host);
    return handler;
  }
}

/** With an interceptor every result is an Observable; this remembers which handlers returned one themselves. */
class StreamMarkingConsumer extends InterceptorsConsumer {
  /** Contexts: a new one for each attempt. */
  readonly streams = new WeakSet<object>();

  override intercept(...args: Parameters<InterceptorsConsumer['intercept']>): Promise<unknown> {
    const [interceptors, handlerArgs, instance, callback, next, type] = args;
    const marked = async (): Promise<unknown> => this.mark(await next(), handlerArgs[1]);
    return super.intercept(interceptors, handlerArgs, instance, callback, marked, type);
  }

  mark(result: unknown, context: unknown): unknown {
    if (isObservable(result)) this.streams.add(context as object); // true: an AmqpContext
    return result;
  }
}

function methodOf(target: Target, methodName: string): (...args: unknown[]) => unknown {
  const method = target[methodName];
  if (method === undefined) throw new TypeError(`${target.constructor.name} has no method ${methodName}`);
  return method;
}

function moduleKey(host: InstanceWrapper['host']): string {
  if (host === undefined) throw new TypeError('Nest knows no module of this provider');
  return host.token;
}

/** Since Nest 12. */
function preRequestHooks(config: ApplicationConfig & { getGlobalPreRequestHooks?(): unknown[] }): number {
  return config.getGlobalPreRequestHooks?.().length ?? 0;
}

/** For each parameter 0 (payload) or 1 (context); `undefined` when one of them wants more than that. */
function bareArguments(target: object, methodName: string): number[] | undefined {
  const metadata: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, target.constructor, methodName);
  const parameters = Object.entries((metadata ?? DEFAULT_CALLBACK_METADATA) as Record<string, ParameterMetadata>);
  const order: number[] = [];
  for (const [key, { index, data, pipes }] of parameters) {
    const position = [`${RpcParamtype.PAYLOAD}:${index}`, `${RpcParamtype.CONTEXT}:${index}`].indexOf(key);
    if (position < 0 || data !== undefined || (pipes?.length ?? 0) > 0) return undefined;
    order[index] = position;
  }
  return order;
}

interface ParameterMetadata {
  readonly index: number;
  readonly data?: unknown;
  readonly pipes?: readonly unknown[];
}
