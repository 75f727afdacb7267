// The telemetry of Nest's handlers: what runs around them, and what they send, stands in their spans.

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  Injectable,
  Module,
  type NestInterceptor,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { trace } from '@opentelemetry/api';
import { firstValueFrom, from, lastValueFrom, tap, toArray } from 'rxjs';

import { EmbeddedBroker } from '../../lib/broker/index.js';
import {
  AmqpClientProxy,
  AmqpModule,
  AmqpSubscribe,
  AmqpTransportStrategy,
  InjectSendClient,
  policy,
  SendClient,
} from '../../lib/index.js';
import { AmqpInstrumentation } from '../../lib/telemetry/index.js';
import { hasFailed, idOf, linksOf, parentOf, TestTelemetry, traceOf } from '../support/telemetry.js';
import { Seen, withApp } from './harness.js';

let telemetry: TestTelemetry;
beforeEach(() => {
  telemetry = new TestTelemetry().register();
});
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  await telemetry.stop();
});

/** The span that is active, by its id. */
const active = (): string | undefined => trace.getActiveSpan()?.spanContext().spanId;
const seen = new Seen<[string, string | undefined]>();
beforeEach(() => void seen.values.splice(0));

@Injectable()
class Guard implements CanActivate {
  canActivate(): boolean {
    seen.add(['guard', active()]);
    return true;
  }
}

@Injectable()
class Interceptor implements NestInterceptor {
  intercept: NestInterceptor['intercept'] = (_context, next) => {
    seen.add(['before', active()]);
    return next.handle().pipe(tap(() => seen.add(['after', active()])));
  };
}

describe('@AmqpSubscribe', () => {
  @Injectable()
  class Orders {
    constructor(@InjectSendClient('invoices') private readonly invoices: SendClient) {}

    @AmqpSubscribe('orders', { concurrency: 1, errorPolicy: policy.reject('app:no') })
    @UseGuards(Guard)
    @UseInterceptors(Interceptor)
    async place(@Payload() order: { id: number }): Promise<unknown> {
      if (order.id < 0) throw new RangeError('a negative id');
      await this.invoices.send(order);
      seen.add(['handler', active()]);
      return { placed: order.id };
    }

    @AmqpSubscribe('invoices', { batch: { maxMessages: 2, waitMs: 3_000 } })
    write(): void {
      seen.add(['batch', active()]);
    }
  }

  const metadata = {
    imports: [
      AmqpModule.forRoot({ uri: 'embedded:', observer: new AmqpInstrumentation() }),
      AmqpModule.forFeature({ senders: [{ name: 'invoices' }] }),
    ],
    providers: [Orders],
  };

  it('runs guards, interceptors and the handler within its span; what it sends is below it', async () => {
    await withApp(metadata, async ({ broker, idle }) => {
      broker.queue('orders').publish({ id: 1 }, { replyTo: 'answers' });
      broker.queue('orders').publish({ id: 2 });
      await idle();
      const [first, second] = await telemetry.named('process orders', 2);
      expect(first.attributes['amqp.consumer.name']).toBe('Orders.place');
      const inside = seen.values.filter(([, id]) => id === idOf(first)).map(([what]) => what);
      expect(inside).toEqual(['guard', 'before', 'handler', 'after']);
      const sent = await telemetry.named('send invoices', 2);
      expect(sent.map(parentOf)).toEqual([first, second].map((span) => span && idOf(span)));
      const [batch] = await telemetry.named('process invoices');
      expect([linksOf(batch), seen.values.filter(([what]) => what === 'batch')]).toEqual([
        sent.map(idOf),
        [['batch', idOf(batch)]],
      ]);
      const [reply] = await telemetry.named('send (temporary)');
      expect(parentOf(reply)).toBe(idOf(first));
      expect(broker.queue('answers').messages()[0]?.applicationProperties?.['traceparent']).toContain(idOf(reply));
    });
  });

  it('that fails for good answers below its span, and settles there', async () => {
    await withApp(metadata, async ({ broker, idle }) => {
      broker.queue('orders').publish({ id: -1 }, { replyTo: 'answers' });
      await idle();
      const [handled] = await telemetry.named('process orders');
      const [reply] = await telemetry.named('send (temporary)');
      const [rejected] = await telemetry.named('reject orders');
      expect(handled.attributes['error.type']).toBe('RangeError');
      expect([reply, rejected].map(parentOf)).toEqual([idOf(handled), idOf(handled)]);
    });
  });
});

describe('the transport', () => {
  @Controller()
  @UseInterceptors(Interceptor)
  class Prices {
    @MessagePattern('price')
    price(): number {
      seen.add(['handler', active()]);
      return 42;
    }

    @MessagePattern('prices')
    prices() {
      return from([1, 2]);
    }

    @MessagePattern('broken')
    broken(): never {
      throw new RpcException('no such price');
    }

    @EventPattern('changed')
    changed(@Payload() id: number): void {
      if (id < 0) throw new RangeError('a negative id');
    }
  }

  async function start(): Promise<AmqpClientProxy> {
    const broker = await EmbeddedBroker.start({ port: false, queues: ['prices'] });
    ends.push(() => broker.stop());
    const { uri, dial } = broker;
    const observer = new AmqpInstrumentation();
    const strategy = new AmqpTransportStrategy({
      uri,
      dial,
      observer,
      sources: ['prices'],
      errorPolicy: policy.reject(),
    });
    @Module({ controllers: [Prices] })
    class AppModule {}
    const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
    ends.push(() => app.close());
    await app.listen();
    const client = new AmqpClientProxy({ uri, dial, observer, target: 'prices' });
    ends.push(() => client.close());
    return client;
  }

  it('carries the trace of a caller through @MessagePattern and back', async () => {
    const client = await start();
    const caller = await telemetry.tracerProvider.getTracer('test').startActiveSpan('caller', async (span) => {
      expect(await firstValueFrom(client.send('price', {}))).toBe(42);
      span.end();
      return span;
    });
    const [request] = await telemetry.named('request prices');
    const [send] = await telemetry.named('send prices');
    const [handled] = await telemetry.named('process prices');
    const [reply] = await telemetry.named('send (temporary)');
    expect([request, send, handled, reply].map(parentOf)).toEqual([
      caller.spanContext().spanId,
      idOf(request),
      idOf(send),
      idOf(handled),
    ]);
    expect(new Set([request, send, handled, reply].map(traceOf)).size).toBe(1);
    expect(seen.values).toEqual(['before', 'handler', 'after'].map((what) => [what, idOf(handled)]));
  });

  it('sends every reply of a stream below the span of its handler', async () => {
    const client = await start();
    expect(await lastValueFrom(client.send('prices', {}).pipe(toArray()))).toEqual([1, 2]);
    const [handled] = await telemetry.named('process prices');
    const replies = await telemetry.named('send (temporary)', 3);
    expect(replies.map(parentOf)).toEqual([idOf(handled), idOf(handled), idOf(handled)]);
    expect(hasFailed((await telemetry.named('request prices'))[0])).toBe(false);
  });

  it('tells of a failure on both sides, though the request was answered and accepted', async () => {
    const client = await start();
    await expect(firstValueFrom(client.send('broken', {}))).rejects.toMatchObject({ message: 'no such price' });
    const [handled] = await telemetry.named('process prices');
    const [request] = await telemetry.named('request prices');
    expect([handled, request].map((span) => [hasFailed(span), span.attributes['error.type']])).toEqual([
      [true, 'RpcException'],
      [true, 'request-failed'],
    ]);
    const settled = await telemetry.metric('amqp.client.settled.messages');
    expect(settled.map(({ attributes }) => attributes['amqp.outcome'])).toEqual(['accepted']);
  });

  it('has the failure of an event, and what its policy did', async () => {
    const client = await start();
    await firstValueFrom(client.emit('changed', -1));
    const [handled] = await telemetry.named('process prices');
    const [rejected] = await telemetry.named('reject prices');
    expect([handled.attributes['error.type'], parentOf(rejected)]).toEqual(['RangeError', idOf(handled)]);
    expect(linksOf(handled)).toEqual([idOf((await telemetry.named('send prices'))[0])]);
  });
});
