import 'reflect-metadata';

import { describe, expect, it } from '@jest/globals';
import { Controller, forwardRef, Get, Injectable, type INestApplication, Module, ValidationPipe } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { IsInt } from 'class-validator';

import {
  AmqpConnection,
  AmqpModule,
  AmqpSubscribe,
  InjectAmqpConnection,
  InjectSendClient,
  policy,
  SendClient,
} from '../../lib/index.js';
import { startAmqpTestApp } from '../../lib/testing/index.js';
import { declaresConnection } from '../../lib/testing/declares-connection.js';
import { Lines, withApp } from './harness.js';

class OrderDto {
  @IsInt() readonly id: number = 0;
}

@Injectable()
class Orders {
  constructor(@InjectSendClient('orders') readonly sender: SendClient) {}
  @AmqpSubscribe('orders', { errorPolicy: policy.deadLetter('orders.dead') }) handle(@Payload() order: OrderDto): void {
    if (order.id < 0) throw new RangeError('not an order');
  }
}
const feature = AmqpModule.forFeature({ senders: [{ name: 'orders' }] });

describe('startAmqpTestApp', () => {
  it('tells what was sent, received, settled and dead-lettered, each in order with its outcome', async () => {
    await withApp(
      { imports: [feature], providers: [Orders] },
      async ({ app, idle, sent, received, settled, deadLettered }) => {
        const { sender } = app.get(Orders);
        await sender.send({ id: 1 }, { subject: 'placed' });
        await sender.send({ id: -2 });
        await idle();
        expect(sent('orders')).toMatchObject([
          { body: { id: 1 }, properties: { subject: 'placed' }, outcome: { kind: 'accepted' } },
          { body: { id: -2 }, outcome: { kind: 'accepted' } },
        ]);
        expect(received('orders').map(({ body }) => body)).toEqual([{ id: 1 }, { id: -2 }]);
        expect(settled('orders')).toMatchObject([
          { body: { id: 1 }, outcome: { kind: 'accepted' }, deliveryCount: 0 },
          { body: { id: -2 }, outcome: { kind: 'accepted' } },
        ]);
        const letter = {
          body: { id: -2 },
          messageAnnotations: {
            'x-opt-death-queue': 'orders',
            'x-opt-death-reason': 'policy',
            'x-opt-death-error': 'RangeError',
          },
        };
        expect(deadLettered('orders')).toMatchObject([letter]);
        expect(deadLettered('orders.dead')).toMatchObject([letter]);
        expect([sent('nothing'), received('nothing'), settled('nothing'), deadLettered('nothing')]).toEqual([
          [],
          [],
          [],
          [],
        ]);
      },
    );
  });

  it('shows malformed JSON as its bytes', async () => {
    await withApp({ imports: [feature], providers: [Orders] }, async ({ app, idle, sent }) => {
      const body = Buffer.from('{"id":');
      await app.get(Orders).sender.send(body, { contentType: 'application/json' });
      await idle();
      expect(sent('orders')).toMatchObject([{ body }]);
    });
  });

  it('takes every connection of the application, whatever its uri and credentials, to its own broker', async () => {
    @Injectable()
    class Two {
      constructor(
        readonly first: AmqpConnection,
        @InjectAmqpConnection('second') readonly second: AmqpConnection,
      ) {}
    }
    @Module({
      imports: [
        AmqpModule.forRoot({ uri: 'amqps://me:secret@nowhere.invalid/vhost', profile: 'rabbitmq-4' }),
        AmqpModule.forRootAsync({ name: 'second', useFactory: () => ({ uri: 'ws://nowhere.invalid' }) }),
      ],
      providers: [Two],
    })
    class AppModule {}
    await withApp({ imports: [AppModule] }, async ({ app, broker }) => {
      const { first, second } = app.get(Two);
      expect([first.status, second.status]).toEqual(['connected', 'connected']);
      expect(first.peer).toMatchObject({ profile: 'embedded', uri: broker.embeddedUri });
    });
  });

  it('lets the application be prepared before it starts, with nothing but microservices installed', async () => {
    const imports = [feature, AmqpModule.forRoot({ uri: 'embedded:', inheritAppConfig: true })];
    const options = {
      app: (app: { useGlobalPipes(pipe: ValidationPipe): unknown }) => void app.useGlobalPipes(new ValidationPipe()),
    };
    await withApp(
      { imports, providers: [Orders] },
      async ({ app, idle, deadLettered }) => {
        await app.get(Orders).sender.send({ id: 'x' });
        await idle();
        expect(deadLettered('orders')).toHaveLength(1);
      },
      options,
    );
  });

  it('takes handlers of another transport without calling them', async () => {
    @Controller()
    class OtherTransport {
      @MessagePattern('sum') sum(): number {
        return 1;
      }
    }
    await withApp({ controllers: [OtherTransport] }, async ({ app }) => {
      expect(app.get(OtherTransport).sum()).toBe(1);
    });
  });

  it('is an HTTP application with http: true', async () => {
    @Controller()
    class Home {
      @Get() home(): string {
        return 'home';
      }
    }
    const app = await startAmqpTestApp({ controllers: [Home] }, { http: true, logger: false });
    const http: INestApplication = app.app;
    await http.listen(0, '127.0.0.1');
    const response = await fetch(await http.getUrl(), { headers: { connection: 'close' } });
    expect(await response.text()).toBe('home');
    await app.close();
  });

  it('starts the broker with its queues and options', async () => {
    const options = { queues: ['a', { name: 'b', maxDeliveries: 2 }], broker: { autoCreateQueues: false } };
    await withApp(
      {},
      async ({ broker }) => {
        expect(broker.queues().map(({ name }) => name)).toEqual(['a', 'b']);
      },
      options,
    );
  });

  it('leaves no broker behind when the application does not start', async () => {
    const lines = new Lines();
    const imports = [feature, AmqpModule.forRoot({ uri: 'embedded:', consumers: { nobody: {} }, logger: lines })];
    const options = { broker: { name: 'testing-spec' }, logger: false } as const;
    await expect(startAmqpTestApp({ imports, providers: [Orders] }, options)).rejects.toThrow(/nobody/);
    const again = await startAmqpTestApp({ imports: [feature], providers: [Orders] }, options);
    await again.close();
    await again.close();
  });
});

describe('the search for a connection', () => {
  const connection = AmqpModule.forRoot('embedded:');
  @Module({ imports: [connection] })
  class Direct {}
  @Module({ imports: [forwardRef(() => Cyclic), Direct] })
  class Cyclic {}
  @Module({ imports: [feature] })
  class FeatureOnly {}
  @Module({})
  class Dynamic {}

  it.each([
    ['in the imports', [connection], true],
    ['in a module', [Direct], true],
    ['in a cycle', [Cyclic], true],
    ['in a dynamic module', [{ module: Dynamic, imports: [connection] }], true],
    ['behind a forward reference', [forwardRef(() => Direct)], true],
    ['in a promise', [Promise.resolve(connection)], true],
    ['async', [AmqpModule.forRootAsync({ useFactory: () => ({ uri: 'embedded:' }) })], true],
    ['by a name', [AmqpModule.forRoot({ uri: 'embedded:', name: 'x' })], true],
    ['in forFeature', [FeatureOnly], false],
    ['in nothing', [], false],
  ])('%s: %s', async (_where, imports, found) => {
    expect(await declaresConnection(imports)).toBe(found);
  });
});
