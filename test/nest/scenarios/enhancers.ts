// Guards, pipes, interceptors and filters: of a handler, of the service, and of the application in a hybrid one.

import { expect } from '@jest/globals';
import {
  type ArgumentsHost,
  type CanActivate,
  Catch,
  Controller,
  createParamDecorator,
  type ExceptionFilter,
  type ExecutionContext,
  Injectable,
  Module,
  type NestInterceptor,
  ParseIntPipe,
  type PipeTransform,
  Scope,
  UseGuards,
  UseInterceptors,
  UsePipes,
  Inject,
} from '@nestjs/common';
import { NestFactory, REQUEST } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { catchError, EMPTY, from, map, type Observable, of, throwError } from 'rxjs';

import { AMQP_TRANSPORT, AmqpContext, AmqpModule } from '../../../lib/index.js';
import { Seen } from '../harness.js';
import { all, ask, failure, type Scenario, type Stage, tell } from './stage.js';

const onlyAcme: CanActivate = {
  canActivate: (context) =>
    context.switchToRpc().getContext<AmqpContext>().getMessage().applicationProperties?.['tenant'] === 'acme',
};
const doubled: NestInterceptor = {
  intercept: (_context, next) => next.handle().pipe(map((value: number) => value * 2)),
};
const recovering: NestInterceptor = {
  intercept: (_context, next) => next.handle().pipe(catchError((error: Error) => of(`recovered: ${error.message}`))),
};
const trimmed: PipeTransform = { transform: (value: unknown) => (typeof value === 'string' ? value.trim() : value) };

const Subject = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  context.switchToRpc().getContext<AmqpContext>().getPattern(),
);

/** One of each, which note that they ran. */
class Spies {
  readonly ran: string[] = [];
  readonly guard: CanActivate = { canActivate: (context) => (this.note('guard', context), true) };
  readonly interceptor: NestInterceptor = {
    intercept: (context, next) => (this.note('interceptor', context), next.handle()),
  };
  readonly pipe: PipeTransform = { transform: (value: unknown) => (this.ran.push('pipe'), value) };
  readonly filter: ExceptionFilter;

  constructor() {
    const note = (host: ArgumentsHost): void => this.note('filter', host);
    @Catch()
    class SpyFilter implements ExceptionFilter {
      catch(error: Error, host: ArgumentsHost) {
        note(host);
        return throwError(() => new RpcException(`filtered: ${error.message}`));
      }
    }
    this.filter = new SpyFilter();
  }

  private note(what: string, host: ArgumentsHost): void {
    this.ran.push(`${what} ${host.getType()}`);
  }
}

const ALL = ['guard rpc', 'interceptor rpc', 'pipe', 'filter rpc'];

@Controller()
class Plain {
  @MessagePattern('fails')
  fails(@Payload() _data: unknown): never {
    throw new Error('as asked');
  }
}

/** An application with global enhancers, and a microservice connected to it. */
async function hybrid(
  stage: Stage,
  options: { readonly inheritAppConfig: boolean },
  own: { readonly inheritAppConfig?: boolean } = {},
): Promise<[Spies, unknown]> {
  const queue = await stage.queue();
  const strategy = stage.strategy({ sources: queue, ...own });
  const imports = own.inheritAppConfig === true ? [AmqpModule.forRoot({ ...stage.own, lazy: true })] : [];
  @Module({ imports, controllers: [Plain] })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false });
  stage.after(() => app.close());
  const spies = new Spies();
  app.useGlobalGuards(spies.guard).useGlobalInterceptors(spies.interceptor);
  app.useGlobalPipes(spies.pipe).useGlobalFilters(spies.filter);
  app.connectMicroservice({ strategy }, options);
  await app.startAllMicroservices();
  await app.init();
  return [spies, await failure(stage.proxy(queue), 'fails')];
}

export const enhancers: readonly Scenario[] = [
  {
    title: 'guards, interceptors, pipes and parameter decorators of a handler run, and see the AMQP context',
    run: async (stage) => {
      @Controller()
      class Guarded {
        @MessagePattern('guarded')
        @UseGuards(onlyAcme)
        guarded(): string {
          return 'let in';
        }
        @MessagePattern('doubled')
        @UseInterceptors(doubled)
        doubled(@Payload() n: number): number {
          return n;
        }
        @MessagePattern('recovered')
        @UseInterceptors(recovering)
        recovered(): never {
          throw new Error('broken');
        }
        @MessagePattern('piped')
        @UsePipes(trimmed)
        piped(@Payload() text: string, @Subject() subject: string): string {
          return `${subject}: ${text}`;
        }
        @MessagePattern('parsed')
        parsed(@Payload('id', ParseIntPipe) id: number): number {
          return id + 1;
        }
        @MessagePattern('bare')
        bare(data: unknown): unknown {
          return data;
        }
      }
      const { client } = await stage.pair([Guarded]);
      expect(await failure(client, 'guarded')).toEqual({ status: 'error', message: 'Forbidden resource' });
      expect(await ask(client, 'doubled', 4)).toBe(8);
      expect(await ask(client, 'recovered')).toBe('recovered: broken');
      expect(await ask(client, 'piped', '  text ')).toBe('piped: text');
      expect(await ask(client, 'parsed', { id: '41' })).toBe(42);
      expect(await failure(client, 'parsed', { id: 'x' })).toMatchObject({ status: 400 });
      expect(await ask(client, 'bare', [1])).toEqual([1]);
    },
  },
  {
    title: 'global enhancers of a microservice run for its handlers',
    run: async (stage) => {
      const queue = await stage.queue();
      @Module({ controllers: [Plain] })
      class AppModule {}
      const strategy = stage.strategy({ sources: queue });
      const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
      stage.after(() => app.close());
      const spies = new Spies();
      app.useGlobalGuards(spies.guard).useGlobalInterceptors(spies.interceptor);
      app.useGlobalPipes(spies.pipe).useGlobalFilters(spies.filter);
      await app.listen();
      expect(await failure(stage.proxy(queue), 'fails')).toEqual({ status: 'error', message: 'filtered: as asked' });
      expect(spies.ran).toEqual(ALL);
    },
  },
  {
    title: 'in a hybrid application its global enhancers run where they are inherited',
    run: async (stage) => {
      const [spies, error] = await hybrid(stage, { inheritAppConfig: true });
      expect(error).toEqual({ status: 'error', message: 'filtered: as asked' });
      expect(spies.ran).toEqual(ALL);
    },
  },
  {
    title: 'the transport itself may say that they are, and then streams, scopes and events are what they are',
    run: async (stage) => {
      const [spies, error] = await hybrid(stage, { inheritAppConfig: false }, { inheritAppConfig: true });
      expect(error).toEqual({ status: 'error', message: 'filtered: as asked' });
      expect(spies.ran).toEqual(ALL);

      const queue = await stage.queue();
      const seen = new Seen<unknown>();
      @Controller({ scope: Scope.REQUEST })
      class Various {
        constructor(@Inject(REQUEST) private readonly request: { data: unknown }) {}
        @MessagePattern('stream')
        stream(): Observable<number> {
          return from([1, 2, 3]);
        }
        @MessagePattern('empty')
        empty(): Observable<never> {
          return EMPTY;
        }
        @MessagePattern(['one', 'other'])
        one(): unknown {
          return this.request.data;
        }
        @EventPattern('happened', AMQP_TRANSPORT)
        happened(@Payload() data: unknown): void {
          seen.add(data);
        }
        @EventPattern('happened', Symbol('another transport') as never)
        never(@Payload() _data: unknown): void {
          seen.add('never');
        }
      }
      const imports = [AmqpModule.forRoot({ ...stage.own, lazy: true })];
      await stage.service([Various], { inheritAppConfig: true, sources: queue }, { imports });
      const client = stage.proxy(queue);
      expect(await all(client, 'stream')).toEqual([1, 2, 3]);
      expect(await all(client, 'empty')).toEqual([]);
      expect(await all(client, 'other', 7)).toEqual([7]);
      await tell(client, 'happened', 8);
      await seen.count(1);
      expect(seen.values).toEqual([8]);
      await expect(stage.service([Plain], { inheritAppConfig: true })).rejects.toMatchObject({
        name: 'InvalidOptionsError',
        option: 'inheritAppConfig',
      });
    },
  },
  {
    title: 'and do not run where they are not',
    run: async (stage) => {
      const [spies, error] = await hybrid(stage, { inheritAppConfig: false });
      expect(error).toEqual({ status: 'error', message: 'Internal server error' });
      expect(spies.ran).toEqual([]);
    },
  },
  {
    title: 'request-scoped controllers and providers are new for each message and know their request',
    run: async (stage) => {
      const made = new Seen<string>();
      @Injectable({ scope: Scope.REQUEST })
      class PerRequest {
        constructor(@Inject(REQUEST) readonly request: { getContext(): AmqpContext; data: unknown }) {
          made.add(this.request.getContext().getPattern());
        }
      }
      @Controller()
      class Scoped {
        constructor(private readonly own: PerRequest) {}
        @MessagePattern('scoped')
        scoped(): unknown {
          return this.own.request.data;
        }
        @EventPattern('happened')
        happened(@Payload() _data: unknown): void {
          made.add(`handled ${String(this.own.request.data)}`);
        }
      }
      const service = await stage.service([Scoped], {}, { providers: [PerRequest] });
      const client = stage.proxy(service.queue);
      expect(await Promise.all([1, 2, 3].map((n) => ask(client, 'scoped', n)))).toEqual([1, 2, 3]);
      expect(made.values).toEqual(['scoped', 'scoped', 'scoped']);
      await tell(client, 'happened', 9);
      await made.count(5);
      expect(made.values.slice(3)).toEqual(['happened', 'handled 9']);
    },
  },
  {
    title: 'a context has what the other transports give: message, pattern, arguments',
    run: async (stage) => {
      @Controller()
      class Looking {
        @MessagePattern('look')
        look(@Payload() data: unknown, @Ctx() context: AmqpContext): unknown {
          const [first] = context.getArgs();
          return [data, context.getPattern(), first === context.getMessage(), context.getArgByIndex(0) === first];
        }
      }
      const { client } = await stage.pair([Looking]);
      expect(await ask(client, 'look', 1)).toEqual([1, 'look', true, true]);
    },
  },
];
