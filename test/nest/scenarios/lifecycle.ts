// Starting, stopping and losing the connection.

import { expect } from '@jest/globals';
import { Controller, Module, type OnModuleDestroy } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';

import { type AmqpConnection, InjectAmqpConnection, AmqpModule, AmqpTransportStrategy } from '../../../lib/index.js';
import { eventually } from '../../support/eventually.js';
import { gate, Seen } from '../harness.js';
import { ask, failure, type Scenario, tell } from './stage.js';

@Controller()
class Ping {
  @MessagePattern({ cmd: 'ping' })
  ping(): string {
    return 'pong';
  }
}

export const lifecycle: readonly Scenario[] = [
  {
    title: 'a service that closes while busy finishes its handlers and their answers, and takes nothing new',
    run: async (stage) => {
      const open = gate();
      const began = new Seen<number>();
      @Controller()
      class Slow {
        @MessagePattern('slow')
        async slow(@Payload() n: number): Promise<number> {
          began.add(n);
          await open.opened;
          return n;
        }
      }
      const { client, close, queue } = await stage.pair([Slow]);
      const asked = [1, 2, 3].map((n) => ask(client, 'slow', n));
      await began.count(3);
      const closed = close();
      const later = ask(client, 'slow', 4);
      open.open();
      expect(await Promise.all(asked)).toEqual([1, 2, 3]);
      await closed;
      expect(began.values).toEqual([1, 2, 3]);
      // It waited in the queue for the next service.
      await stage.service([Slow], { sources: queue });
      expect(await later).toBe(4);
    },
  },
  {
    title: 'a request waits in the queue for a service that starts after it',
    run: async (stage) => {
      const queue = await stage.queue();
      const client = stage.proxy(queue);
      await client.connect();
      const asked = ask(client, { cmd: 'ping' });
      await stage.service([Ping], { sources: queue });
      expect(await asked).toBe('pong');
    },
  },
  {
    title: 'a server that is told to listen twice has one link for each source, and listens no more once it is closed',
    run: async (stage) => {
      const queue = await stage.queue();
      const seen = new Seen<number>();
      @Controller()
      class Counting {
        @EventPattern('count')
        async count(@Payload() n: number): Promise<void> {
          seen.add(n);
          await open.opened;
        }
      }
      const open = gate();
      const strategy = stage.strategy({ sources: [{ source: queue, concurrency: 1, prefetch: 10 }] });
      @Module({ controllers: [Counting] })
      class AppModule {}
      const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
      stage.after(() => app.close());
      await app.listen();
      await Promise.all([app.listen(), app.listen()]);
      const client = stage.proxy(queue);
      await tell(client, 'count', 1);
      await tell(client, 'count', 2);
      await seen.count(1);
      // With a second link the second one would have begun.
      await tell(client, 'count', 3);
      expect(seen.values).toEqual([1]);
      open.open();
      await seen.count(3);
      expect(seen.values).toEqual([1, 2, 3]);
      await app.close();
      await expect(app.listen()).rejects.toMatchObject({ code: 'client-closed' });
    },
  },
  {
    title: 'a server of a shared connection may be closed while it starts, and leaves no link behind',
    run: async (stage) => {
      const queue = await stage.queue();
      const connection = await stage.connection();
      const strategy = new AmqpTransportStrategy({ connection, sources: queue });
      const listening = new Promise<unknown>((resolve) => strategy.listen(resolve));
      await strategy.close();
      expect(await listening).toMatchObject({ code: 'client-closed' });
      await stage.service([Ping], { sources: queue });
      expect(await ask(stage.proxy(queue), { cmd: 'ping' })).toBe('pong');
    },
  },
  {
    title: 'server and client come back after their connection is lost; requests in flight fail at once, and typed',
    timeoutMs: 60_000,
    run: async (stage) => {
      const open = gate();
      const began = gate();
      @Controller()
      class Waiting {
        @MessagePattern('wait')
        async wait(): Promise<string> {
          began.open();
          await open.opened;
          return 'answer to nobody';
        }
        @MessagePattern('quick')
        quick(): string {
          return 'quick';
        }
      }
      const link = await stage.faultProxy();
      const { client, strategy } = await stage.pair([Waiting], link.connection, link.connection);
      const lost: string[] = [];
      client.on('error', (error) => lost.push((error as { code?: string }).code ?? error.name));
      const failed = failure(client, 'wait');
      await began.opened;
      const back = (side: { unwrap(): unknown }): boolean => (side.unwrap() as AmqpConnection).status === 'connected';
      link.reset();
      expect(await failed).toMatchObject({ name: 'ConnectionError', code: 'connection-lost' });
      open.open();
      await eventually('both are back', () => back(client) && back(strategy), { timeoutMs: 15_000 });
      expect(await ask(client, 'quick')).toBe('quick');
      expect(lost[0]).toBe('connection-lost');
    },
  },
  {
    title: 'in a hybrid application handlers finish before what they use is destroyed, and the connection closes last',
    run: async (stage) => {
      const queue = await stage.queue();
      const open = gate();
      const began = gate();
      const order: string[] = [];
      @Controller()
      class Busy implements OnModuleDestroy {
        constructor(@InjectAmqpConnection() readonly connection: AmqpConnection) {
          connection.on('status', ({ status }) => status === 'closed' && order.push('closed'));
        }
        @MessagePattern('busy')
        async busy(): Promise<string> {
          began.open();
          await open.opened;
          order.push('handled');
          return 'done';
        }
        beforeApplicationShutdown(): void {
          order.push('before shutdown');
          open.open();
        }
        onModuleDestroy(): void {
          order.push('destroyed');
        }
        onApplicationShutdown(): void {
          order.push('shut down');
        }
      }
      @Module({ imports: [AmqpModule.forRoot(stage.own)], controllers: [Busy] })
      class AppModule {}
      const app = await NestFactory.create(AppModule, { logger: false });
      stage.after(() => app.close());
      app.connectMicroservice({ strategy: new AmqpTransportStrategy({ connection: 'default', sources: queue }) });
      await app.startAllMicroservices();
      await app.init();
      const asked = ask(stage.proxy(queue), 'busy');
      await began.opened;
      await app.close();
      expect(await asked).toBe('done');
      expect(order).toEqual(['destroyed', 'before shutdown', 'handled', 'shut down', 'closed']);
    },
  },
];
