// One question, one answer or many: what Nest's sum-*, concurrent-* and broadcast-* scenarios are about.

import { expect } from '@jest/globals';
import {
  Controller,
  type INestApplication,
  Inject,
  Module,
  type NestInterceptor,
  Post,
  Query,
  Body,
  HttpCode,
  UseInterceptors,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type ClientProxy,
  ClientsModule,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
} from '@nestjs/microservices';
import {
  catchError,
  concat,
  from,
  map,
  NEVER,
  type Observable,
  of,
  scan,
  take,
  timer,
  toArray,
  lastValueFrom,
} from 'rxjs';

import { AmqpClientProxy, AmqpContext, AmqpRecordBuilder } from '../../../lib/index.js';
import { gate, Seen } from '../harness.js';
import { all, ask, type Scenario, tell } from './stage.js';

const total = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);
const numbers = [1, 2, 3, 4, 5];
const doubled: NestInterceptor = {
  intercept: (_context, next) => next.handle().pipe(map((value: number) => value * 2)),
};

@Controller()
class SumController {
  @MessagePattern({ cmd: 'sum' })
  sum(@Payload() data: number[]): number {
    return total(data);
  }

  @MessagePattern({ cmd: 'asyncSum' })
  async asyncSum(@Payload() data: number[]): Promise<number> {
    await new Promise(setImmediate);
    return total(data);
  }

  @MessagePattern({ cmd: 'streamSum' })
  streamSum(@Payload() data: number[]): Observable<number> {
    return of(total(data));
  }

  @MessagePattern({ cmd: 'promisedStream' })
  promisedStream(@Payload() data: number[]): Promise<Observable<number>> {
    return Promise.resolve(from(data));
  }

  @MessagePattern({ cmd: 'streaming' })
  streaming(@Payload() data: number[]): Observable<number> {
    return from(data);
  }

  @MessagePattern({ cmd: 'slowly' })
  slowly(@Payload() data: number[]): Observable<number> {
    return concat(...data.map((each) => timer(5).pipe(map(() => each))));
  }

  @MessagePattern('echo')
  echo(@Payload() data: unknown): unknown {
    return data;
  }

  @MessagePattern('record')
  record(@Payload() data: unknown, @Ctx() context: AmqpContext): unknown {
    const { applicationProperties, header } = context.getMessage();
    return { data, headers: applicationProperties, priority: header?.priority };
  }

  @MessagePattern('answer-record')
  answerRecord(): unknown {
    const options = { applicationProperties: { tenant: 'acme' }, subject: 'answered' };
    return new AmqpRecordBuilder({ ok: true }).setOptions(options).build();
  }
}

/** As in Nest's samples: a controller of an HTTP application that asks the service. */
@Controller()
class Gateway {
  constructor(@Inject('MATH') private readonly client: ClientProxy) {}

  @Post()
  @HttpCode(200)
  call(@Query('command') cmd: string, @Body() data: number[]): Observable<number> {
    return this.client.send<number>({ cmd }, data);
  }

  @Post('stream')
  @HttpCode(200)
  stream(@Body() data: number[]): Observable<number> {
    return this.client.send<number>({ cmd: 'streaming' }, data).pipe(scan((sum, each) => sum + each));
  }

  @Post('error')
  @HttpCode(200)
  error(): Observable<unknown> {
    return this.client.send('nobody', {}).pipe(catchError((error: unknown) => of({ caught: error })));
  }
}

async function post(app: INestApplication, path: string, body: unknown): Promise<unknown> {
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  const headers = { 'content-type': 'application/json', connection: 'close' };
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return response.json();
}

export const requests: readonly Scenario[] = [
  {
    title: 'a request is answered with what the handler returns',
    run: async (stage) => {
      const { client } = await stage.pair([SumController]);
      expect(await all(client, { cmd: 'sum' }, numbers)).toEqual([15]);
    },
  },
  {
    title: 'a request is answered with what the handler promises',
    run: async (stage) => {
      const { client } = await stage.pair([SumController]);
      expect(await all(client, { cmd: 'asyncSum' }, numbers)).toEqual([15]);
    },
  },
  {
    title: 'a request is answered with the one value of an Observable',
    run: async (stage) => {
      const { client } = await stage.pair([SumController]);
      expect(await all(client, { cmd: 'streamSum' }, numbers)).toEqual([15]);
    },
  },
  {
    title: 'a request is answered with every value of a stream in order, also of a promised one and of a slow one',
    run: async (stage) => {
      const { client } = await stage.pair([SumController]);
      expect(await all(client, { cmd: 'streaming' }, numbers)).toEqual(numbers);
      expect(await all(client, { cmd: 'promisedStream' }, numbers)).toEqual(numbers);
      expect(await all(client, { cmd: 'slowly' }, numbers)).toEqual(numbers);
      expect(await all(client, { cmd: 'streaming' }, [])).toEqual([]);
    },
  },
  {
    title: 'a handler may be an async generator, and a stream goes through interceptors',
    run: async (stage) => {
      const ended = gate();
      @Controller()
      class Generating {
        @MessagePattern('counted')
        async *counted(@Payload() n: number): AsyncGenerator<number> {
          for (let each = 0; each < n; each += 1) yield await Promise.resolve(each);
        }
        @MessagePattern('fails')
        async *fails(): AsyncGenerator<number> {
          yield await Promise.resolve(1);
          throw new RpcException('after one');
        }
        @MessagePattern('doubled')
        @UseInterceptors(doubled)
        doubled(@Payload() data: number[]): Observable<number> {
          return from(data);
        }
        @MessagePattern('one-doubled')
        @UseInterceptors(doubled)
        oneDoubled(@Payload() n: number): number {
          return n;
        }
        @EventPattern('generated')
        async *generated(@Payload() _data: unknown): AsyncGenerator<number> {
          yield await Promise.resolve(1);
          ended.open();
        }
      }
      const { client } = await stage.pair([Generating]);
      const many = Array.from({ length: 500 }, (_, n) => n);
      expect(await all(client, 'counted', 500)).toEqual(many);
      expect(await all(client, 'counted', 0)).toEqual([]);
      expect(await all(client, 'doubled', [1, 2, 3])).toEqual([2, 4, 6]);
      expect(await all(client, 'one-doubled', 4)).toEqual([8]);
      const told = client.send('fails', {}).pipe(
        catchError((error: unknown) => of(error)),
        toArray(),
      );
      expect(await lastValueFrom(told)).toEqual([1, { status: 'error', message: 'after one' }]);
      await tell(client, 'generated');
      await ended.opened;
    },
  },
  {
    title: 'ten requests at once get their own sums',
    run: async (stage) => {
      const { client } = await stage.pair([SumController]);
      const tables = Array.from({ length: 10 }, (_row, row) => Array.from({ length: 10 }, (_n, n) => row * 10 + n + 1));
      const sums = await Promise.all(tables.map((table) => ask(client, { cmd: 'sum' }, table)));
      expect(sums).toEqual(tables.map(total));
    },
  },
  {
    title: 'a thousand requests at once over one proxy get their own answers',
    timeoutMs: 60_000,
    run: async (stage) => {
      const { client } = await stage.pair([SumController]);
      const asked = Array.from({ length: 1_000 }, (_, n) => n);
      expect(await Promise.all(asked.map((n) => ask(client, 'echo', { n })))).toEqual(asked.map((n) => ({ n })));
    },
  },
  {
    title: 'every kind of payload comes and goes as it is',
    run: async (stage) => {
      const { client } = await stage.pair([SumController]);
      const payloads = ['text', '', 0, 42.5, true, false, [], [1, [2]], {}, { deep: { list: [null, 'ü'] } }];
      for (const payload of payloads) expect(await ask(client, 'echo', payload)).toEqual(payload);
      const bytes = Buffer.from([0, 1, 255]);
      expect(await ask(client, 'echo', bytes)).toEqual(bytes);
      const large = 'x'.repeat(300_000); // several frames
      expect(await ask(client, 'echo', large)).toBe(large);
    },
  },
  {
    title: 'a record carries options and headers of a request, and of its answer',
    run: async (stage) => {
      const { client } = await stage.pair([SumController]);
      const options = { priority: 7, applicationProperties: { 'x-version': '1.0.0' } };
      const record = new AmqpRecordBuilder({ items: [1, 2, 3] }).setOptions(options).build();
      expect(await ask(client, 'record', record)).toEqual({
        data: { items: [1, 2, 3] },
        headers: { 'x-version': '1.0.0' },
        priority: 7,
      });
      expect(await ask(client, 'answer-record')).toEqual({ ok: true });
    },
  },
  {
    title: 'several services on one queue share its requests, and those that are left take over when one closes',
    timeoutMs: 60_000,
    run: async (stage) => {
      const queue = await stage.queue();
      const took: number[] = [0, 0, 0];
      const services = [];
      for (const index of [0, 1, 2]) {
        @Controller()
        class Worker {
          @MessagePattern('work')
          async work(@Payload() n: number): Promise<number> {
            took[index] = (took[index] ?? 0) + 1;
            await new Promise((resolve) => setTimeout(resolve, 2));
            return n;
          }
        }
        services.push(await stage.service([Worker], { sources: [{ source: queue, prefetch: 10, concurrency: 2 }] }));
      }
      const client = stage.proxy(queue);
      const asked = Array.from({ length: 300 }, (_, n) => n);
      const answers = Promise.all(asked.map((n) => ask(client, 'work', n)));
      await ask(client, 'work', -1);
      await services[0]?.close();
      expect(await answers).toEqual(asked);
      expect(took.filter((count) => count > 0).length).toBeGreaterThan(1);
    },
  },
  {
    title: 'a request that is broadcast is answered by every service that listens',
    run: async (stage) => {
      const { sources, target } = await stage.broadcast(2);
      @Controller()
      class Broadcast {
        @MessagePattern({ cmd: 'broadcast' })
        reply(): Observable<number> {
          return concat(of(1), NEVER); // the first of several must not end it for the others
        }
      }
      for (const source of sources) await stage.service([Broadcast], { sources: source, shutdownTimeoutMs: 50 });
      const client = stage.proxy(target);
      const counted = client.send<number>({ cmd: 'broadcast' }, {}).pipe(
        scan((sum, each) => sum + each),
        take(2),
        toArray(),
      );
      expect(await lastValueFrom(counted)).toEqual([1, 2]);
    },
  },
  {
    title: 'unsubscribing drops later answers, and the service is not told',
    run: async (stage) => {
      const began = gate();
      const open = gate();
      const done = new Seen<string>();
      @Controller()
      class Slow {
        @MessagePattern('slow')
        async slow(): Promise<string> {
          began.open();
          await open.opened;
          done.add('to its end');
          return 'too late';
        }
        @MessagePattern('quick')
        quick(): string {
          return 'in time';
        }
      }
      const { client } = await stage.pair([Slow]);
      const told: unknown[] = [];
      const asked = client
        .send('slow', {})
        .subscribe({ next: (value) => told.push(value), error: () => told.push('error') });
      await began.opened;
      asked.unsubscribe();
      open.open();
      await done.count(1);
      expect(await ask(client, 'quick')).toBe('in time'); // after the late answer, on the same link
      expect(told).toEqual([]);
    },
  },
  {
    title: 'an HTTP application asks the service, and hands its answers and errors on',
    run: async (stage) => {
      const { queue } = await stage.service([SumController]);
      @Module({
        imports: [
          ClientsModule.register([
            { name: 'MATH', customClass: AmqpClientProxy, options: { ...stage.own, target: queue } },
          ]),
        ],
        controllers: [Gateway],
      })
      class GatewayModule {}
      const app = await NestFactory.create(GatewayModule, { logger: false });
      stage.after(() => app.close());
      await app.listen(0, '127.0.0.1');
      for (const command of ['sum', 'asyncSum', 'streamSum'])
        expect(await post(app, `/?command=${command}`, numbers)).toBe(15);
      expect(await post(app, '/stream', numbers)).toBe(15);
      expect(await post(app, '/?command=nobody', numbers)).toMatchObject({ statusCode: 500 });
      expect(await post(app, '/error', {})).toMatchObject({ caught: { status: 'error' } });
    },
  },
];
