// What a requester learns of a failure, through as many services as it takes.

import { expect } from '@jest/globals';
import {
  type ArgumentsHost,
  BadRequestException,
  Catch,
  Controller,
  type ExceptionFilter,
  HttpException,
  Inject,
  UseFilters,
} from '@nestjs/common';
import {
  BaseRpcExceptionFilter,
  type ClientProxy,
  ClientsModule,
  MessagePattern,
  Payload,
  RpcException,
} from '@nestjs/microservices';
import {
  catchError,
  concat,
  firstValueFrom,
  lastValueFrom,
  map,
  type Observable,
  of,
  throwError,
  timeout,
  TimeoutError,
  toArray,
} from 'rxjs';

import { AmqpClientProxy, AmqpConnection } from '../../../lib/index.js';
import { ask, failure, type Scenario } from './stage.js';

class StockError extends Error {}

@Catch(StockError)
class StockFilter implements ExceptionFilter<StockError> {
  catch(error: StockError): Observable<never> {
    return throwError(() => new RpcException({ status: 'no-stock', message: error.message }));
  }
}

@Catch()
class AnyFilter extends BaseRpcExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): Observable<unknown> {
    return super.catch(exception as never, host).pipe(catchError((error: unknown) => of({ seen: error })));
  }
}

@Controller()
class Failing {
  @MessagePattern('text')
  text(): Observable<never> {
    return throwError(() => new RpcException('test'));
  }
  @MessagePattern('object')
  object(): never {
    throw new RpcException({ code: 7, details: ['a', 'b'] });
  }
  @MessagePattern('unknown')
  unknown(): never {
    throw new Error('the password is secret');
  }
  @MessagePattern('rejected')
  rejected(): Promise<never> {
    return Promise.reject(new RpcException('rejected'));
  }
  @MessagePattern('http')
  http(): never {
    throw new BadRequestException('no such order');
  }
  @MessagePattern('teapot')
  teapot(): never {
    throw new HttpException('short and stout', 418);
  }
  @MessagePattern('halfway')
  halfway(): Observable<number> {
    return concat(
      of(1, 2),
      throwError(() => new RpcException('halfway')),
    );
  }
  @MessagePattern('filtered')
  @UseFilters(StockFilter)
  filtered(): never {
    throw new StockError('sold out');
  }
  @MessagePattern('base')
  @UseFilters(AnyFilter)
  base(): never {
    throw new RpcException('through the base filter');
  }
}

class OrderError extends Error {
  constructor(readonly body: unknown) {
    super('the order service failed');
  }
}

/** A client with errors of its own. */
class OrderClient extends AmqpClientProxy {
  protected override serializeError(error: unknown): unknown {
    return new OrderError(error);
  }
}

export const errors: readonly Scenario[] = [
  {
    title: 'an RpcException goes to the requester as it is: a text, an object, thrown, rejected or emitted',
    run: async (stage) => {
      const { client } = await stage.pair([Failing]);
      expect(await failure(client, 'text')).toEqual({ status: 'error', message: 'test' });
      expect(await failure(client, 'object')).toEqual({ code: 7, details: ['a', 'b'] });
      expect(await failure(client, 'rejected')).toEqual({ status: 'error', message: 'rejected' });
    },
  },
  {
    title: 'an HttpException says its status, an unknown error says nothing of itself',
    run: async (stage) => {
      const { client } = await stage.pair([Failing]);
      expect(await failure(client, 'http')).toMatchObject({ status: 400, message: 'no such order' });
      expect(await failure(client, 'teapot')).toMatchObject({ status: 418, message: 'short and stout' });
      expect(await failure(client, 'unknown')).toEqual({ status: 'error', message: 'Internal server error' });
    },
  },
  {
    title: 'a pattern that nobody handles is told to the requester',
    run: async (stage) => {
      const { client } = await stage.pair([Failing]);
      const expected = { status: 'error', message: expect.stringContaining('no matching message handler') };
      expect(await failure(client, 'nobody')).toEqual(expected);
      expect(await failure(client, { cmd: 'nobody' })).toEqual(expected);
    },
  },
  {
    title: 'a stream that fails halfway gives what came before, then the error',
    run: async (stage) => {
      const { client } = await stage.pair([Failing]);
      const told = client.send('halfway', {}).pipe(
        catchError((error: unknown) => of(error)),
        toArray(),
      );
      expect(await lastValueFrom(told)).toEqual([1, 2, { status: 'error', message: 'halfway' }]);
    },
  },
  {
    title: 'an exception filter makes the answer, also one that goes on to the filter of Nest',
    run: async (stage) => {
      const { client } = await stage.pair([Failing]);
      expect(await failure(client, 'filtered')).toEqual({ status: 'no-stock', message: 'sold out' });
      expect(await ask(client, 'base')).toEqual({ seen: { status: 'error', message: 'through the base filter' } });
    },
  },
  {
    title: 'a proxy of your own makes errors of your own',
    run: async (stage) => {
      const { queue } = await stage.service([Failing]);
      const own = new OrderClient({ ...stage.own, target: queue });
      stage.after(() => own.close());
      const error = await failure(own, 'text');
      expect(error).toBeInstanceOf(OrderError);
      expect(error).toMatchObject({ body: { status: 'error', message: 'test' } });
      const standard = stage.proxy(queue);
      expect(await failure(standard, 'text')).not.toBeInstanceOf(OrderError);
    },
  },
  {
    title: 'an error comes back through a service that asks another one',
    run: async (stage) => {
      const { queue } = await stage.service([Failing]);
      @Controller()
      class Middle {
        constructor(@Inject('BEHIND') private readonly behind: ClientProxy) {}
        @MessagePattern('via')
        via(@Payload() pattern: string): Observable<unknown> {
          return this.behind
            .send(pattern, {})
            .pipe(catchError((error: object) => throwError(() => new RpcException(error))));
        }
        @MessagePattern('careless')
        async careless(@Payload() pattern: string): Promise<unknown> {
          return firstValueFrom(this.behind.send(pattern, {}));
        }
      }
      const options = { ...stage.own, target: queue };
      const imports = [ClientsModule.register([{ name: 'BEHIND', customClass: AmqpClientProxy, options }])];
      const middle = await stage.service([Middle], {}, { imports });
      const client = stage.proxy(middle.queue);
      expect(await failure(client, 'via', 'object')).toEqual({ code: 7, details: ['a', 'b'] });
      expect(await failure(client, 'via', 'nobody')).toMatchObject({ status: 'error' });
      // Not an RpcException here: what it says is not meant for others.
      expect(await failure(client, 'careless', 'object')).toEqual({
        status: 'error',
        message: 'Internal server error',
      });
    },
  },
  {
    title: 'asking an HTTP exception of the answer, as gateways do',
    run: async (stage) => {
      const { client } = await stage.pair([Failing]);
      const asked = client.send('http', {}).pipe(
        catchError((error: { status: number; message: string }) =>
          throwError(() => new HttpException(error.message, error.status)),
        ),
        map(() => 'no failure'),
      );
      await expect(firstValueFrom(asked)).rejects.toMatchObject({ status: 400, message: 'no such order' });
    },
  },
  {
    title: 'with nobody there, the time-out of the caller is what ends a request',
    run: async (stage) => {
      const client = stage.proxy(await stage.queue());
      await client.connect();
      const asked = client.send('anything', {}).pipe(timeout(100));
      await expect(firstValueFrom(asked)).rejects.toBeInstanceOf(TimeoutError);
      const impatient = stage.proxy(await stage.queue(), { requestTimeoutMs: 100 });
      expect(await failure(impatient, 'anything')).toMatchObject({ code: 'request-timeout' });
    },
  },
  {
    title: 'a client without a peer gives the caller its TimeoutError, or says what is wrong',
    run: async (stage) => {
      const uri = 'amqp://127.0.0.1:1';
      const lost = new AmqpClientProxy({ uri, target: 'x', logger: stage.own.logger });
      stage.after(() => lost.close());
      await expect(firstValueFrom(lost.send('x', {}).pipe(timeout(100)))).rejects.toBeInstanceOf(TimeoutError);
      const brief = new AmqpClientProxy({ uri, target: 'x', bootTimeoutMs: 100, logger: stage.own.logger });
      stage.after(() => brief.close());
      await expect(brief.connect()).rejects.toMatchObject({ name: 'ConnectionError' });
      expect(await failure(brief, 'x')).toMatchObject({ name: 'ConnectionError' });
      await expect(lastValueFrom(brief.emit('x', {}))).rejects.toMatchObject({ name: 'ConnectionError' });
      expect(brief.unwrap()).toBeInstanceOf(AmqpConnection);
    },
  },
];
