// The ways to a client proxy, and what it tells of itself.

import { expect } from '@jest/globals';
import { Controller, Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Client,
  type ClientProxy,
  ClientProxyFactory,
  ClientsModule,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
} from '@nestjs/microservices';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

import {
  AmqpClientProxy,
  AmqpConnection,
  AmqpContext,
  AmqpModule,
  AmqpTransportStrategy,
  getAmqpConnectionToken,
} from '../../../lib/index.js';
import { Seen } from '../harness.js';
import { all, ask, failure, type Scenario, tell } from './stage.js';

@Controller()
class Echo {
  @MessagePattern('echo')
  echo(@Payload() data: unknown): unknown {
    return data;
  }
  @MessagePattern('metadata')
  metadata(@Payload() data: unknown, @Ctx() context: AmqpContext): unknown {
    return { data, metadata: context.getMetadata() ?? null };
  }
}

/** What Nest 12 has and Nest 11 has not. */
const setsDispatchHook = 'setOnDispatchHook' in AmqpClientProxy.prototype;

export const clients: readonly Scenario[] = [
  {
    title:
      'a client comes from ClientsModule.register, registerAsync (useFactory, useClass), ClientProxyFactory and @Client()',
    run: async (stage) => {
      const { queue } = await stage.service([Echo]);
      const config = { customClass: AmqpClientProxy, options: { ...stage.own, target: queue } };
      @Injectable()
      class ConfigService {
        createClientOptions(): typeof config {
          return config;
        }
      }
      @Module({ providers: [ConfigService], exports: [ConfigService] })
      class ConfigModule {}
      @Injectable()
      class Asking {
        @Client(config as never) // its types name Nest's own transports alone
        readonly property?: ClientProxy;
        constructor(
          @Inject('REGISTERED') readonly registered: ClientProxy,
          @Inject('FACTORY') readonly factory: ClientProxy,
          @Inject('CLASS') readonly class_: ClientProxy,
        ) {}
      }
      @Module({
        imports: [
          ClientsModule.register([{ name: 'REGISTERED', ...config }]),
          ClientsModule.registerAsync([
            {
              name: 'FACTORY',
              imports: [ConfigModule],
              inject: [ConfigService],
              useFactory: (service: ConfigService) => service.createClientOptions(),
            },
            { name: 'CLASS', useClass: ConfigService },
          ]),
        ],
        providers: [Asking],
      })
      class AppModule {}
      const app = await NestFactory.create(AppModule, { logger: false });
      await app.init();
      const { registered, factory, class_, property } = app.get(Asking);
      const made = ClientProxyFactory.create(config) as AmqpClientProxy;
      stage.after(() => made.close());
      if (property === undefined) throw new Error('@Client() made nothing');
      const every = [registered, factory, class_, property, made];
      expect(await Promise.all(every.map((client, n) => ask(client, 'echo', n)))).toEqual([0, 1, 2, 3, 4]);
      const connections = [registered, factory, class_, property].map((client) => client.unwrap<AmqpConnection>());
      await app.close(); // onApplicationShutdown of each
      expect(connections.map(({ status }) => status)).toEqual(['closed', 'closed', 'closed', 'closed']);
      expect(await ask(made, 'echo', 'still open')).toBe('still open');
    },
  },
  {
    title: 'a server and a client share a connection of the application by its name',
    run: async (stage) => {
      const queue = await stage.queue();
      @Module({
        imports: [
          AmqpModule.forRoot({ ...stage.own, name: 'shared' }),
          ClientsModule.register([
            { name: 'ECHO', customClass: AmqpClientProxy, options: { connection: 'shared', target: queue } },
          ]),
        ],
        controllers: [Echo],
      })
      class AppModule {}
      const app = await NestFactory.create(AppModule, { logger: false });
      stage.after(() => app.close());
      const strategy = new AmqpTransportStrategy({ connection: 'shared', sources: queue });
      app.connectMicroservice({ strategy });
      await app.startAllMicroservices();
      await app.init();
      const client = app.get<ClientProxy>('ECHO');
      const connection = app.get<AmqpConnection>(getAmqpConnectionToken('shared'));
      expect(await ask(client, 'echo', 1)).toBe(1);
      expect([client.unwrap(), strategy.unwrap()]).toEqual([connection, connection]);
      await app.close();
      expect(connection.status).toBe('closed');
    },
  },
  {
    title: 'connect, status, on, unwrap and close are there, on both sides',
    run: async (stage) => {
      const { strategy, client, close } = await stage.pair([Echo]);
      const told: string[] = [];
      client.status.subscribe((status) => told.push(status));
      const events: string[] = [];
      client.on('status', ({ status }) => events.push(status));
      const server: string[] = [];
      strategy.status.subscribe((status) => server.push(status));
      expect(await client.connect()).toBe(client.unwrap());
      await client.connect(); // again is harmless
      expect(client.unwrap().status).toBe('connected');
      expect(strategy.unwrap().peer?.profile).toBe(client.unwrap().peer?.profile);
      await client.close();
      await client.close();
      expect(told).toEqual(['disconnected', 'connecting', 'connected', 'closed']);
      expect(events).toEqual(['connecting', 'connected', 'closed']);
      await expect(client.connect()).rejects.toMatchObject({ code: 'client-closed' });
      await close();
      expect(server).toEqual(['connected', 'closed']);
    },
  },
  {
    title: 'what a dispatch hook attaches to a packet is in the context of its handler',
    run: async (stage) => {
      const seen = new Seen<unknown>();
      @Controller()
      class Recording {
        @EventPattern<unknown>('record')
        on(@Payload() _data: unknown, @Ctx() context: AmqpContext): void {
          seen.add(context.getMetadata());
        }
      }
      const { client } = await stage.pair([Echo, Recording]);
      expect(await ask(client, 'metadata', 'plain')).toEqual({ data: 'plain', metadata: null });
      const packets: unknown[] = [];
      client.setOnDispatchHook((packet) => {
        packets.push([packet.pattern, packet.data]);
        packet.metadata = { 'x-request-id': `trace-${packets.length}` };
      });
      expect(await ask(client, 'metadata', { orderId: 7 })).toEqual({
        data: { orderId: 7 },
        metadata: { 'x-request-id': 'trace-1' },
      });
      await tell(client, 'record', 'x');
      await seen.count(1);
      expect(seen.values).toEqual([{ 'x-request-id': 'trace-2' }]);
      expect(packets).toEqual([
        ['metadata', { orderId: 7 }],
        ['record', 'x'],
      ]);
    },
    skip: () => (setsDispatchHook ? undefined : 'this Nest has no dispatch hook'),
  },
  {
    title: 'without a dispatch hook a context has no metadata',
    run: async (stage) => {
      const { client } = await stage.pair([Echo]);
      expect(await ask(client, 'metadata', 1)).toEqual({ data: 1, metadata: null });
    },
  },
  {
    title: 'a serializer and a deserializer on both sides encrypt what is on the wire',
    run: async (stage) => {
      const key = randomBytes(32);
      let encrypted = 0;
      let decrypted = 0;
      const serializer = {
        serialize: (packet: object): Buffer => {
          encrypted += 1;
          const iv = randomBytes(16);
          const cipher = createCipheriv('aes-256-cbc', key, iv);
          return Buffer.concat([iv, cipher.update(JSON.stringify(packet)), cipher.final()]);
        },
      };
      const deserializer = {
        deserialize: (bytes: Buffer): unknown => {
          decrypted += 1;
          const cipher = createDecipheriv('aes-256-cbc', key, bytes.subarray(0, 16));
          return JSON.parse(Buffer.concat([cipher.update(bytes.subarray(16)), cipher.final()]).toString());
        },
      };
      const seen = new Seen<unknown>();
      @Controller()
      class Greeting {
        @MessagePattern('greet')
        greet(@Payload() { recipient }: { recipient: string }): unknown {
          return { message: `Hello ${recipient}!` };
        }
        @EventPattern('greeted')
        greeted(@Payload() data: unknown): void {
          seen.add(data);
        }
      }
      const { client } = await stage.pair([Greeting], { serializer, deserializer }, { serializer, deserializer });
      expect(await all(client, 'greet', { recipient: 'World' })).toEqual([{ message: 'Hello World!' }]);
      expect([encrypted, decrypted]).toEqual([2, 2]);
      await tell(client, 'greeted', 'once');
      await seen.count(1);
      expect(seen.values).toEqual(['once']);
      expect(await failure(client, 'nobody')).toMatchObject({ status: 'error' });
    },
  },
  {
    title: 'a list of URIs is a list of peers to fail over to',
    run: async (stage) => {
      const queue = await stage.queue();
      const uri = ['amqp://127.0.0.1:1', stage.place.uri];
      await stage.service([Echo], { uri, sources: queue });
      expect(await ask(stage.proxy(queue, { uri }), 'echo', 1)).toBe(1);
    },
  },
];
