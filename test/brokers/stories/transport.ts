// Nest on a broker: events of a client proxy while the broker dies, and the handlers that share a queue.

import { expect } from '@jest/globals';
import { Controller, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  AmqpClientProxy,
  AmqpModule,
  AmqpSubscribe,
  AmqpTransportStrategy,
  policy,
  type SendError,
} from '../../../lib/index.js';
import { eventually } from '../../support/eventually.js';
import { drainQueue, type Peer, withConnection } from '../peer.js';
import type { Story } from '../story.js';

const EMITS = 10_000;
const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const reconnect = { initialDelayMs: 50, maxDelayMs: 500 };

async function emitsUnderKill(peer: Peer): Promise<string> {
  const { name: queue } = await withConnection(peer, (connection) =>
    peer.queue(connection, { kind: 'classic', outlivesKill: true }),
  );
  const handled = new Set<number>();
  @Controller()
  class Counting {
    @EventPattern('counted')
    counted(@Payload() { n }: { n: number }): void {
      handled.add(n);
    }
  }
  @Module({ controllers: [Counting] })
  class AppModule {}
  const common = { uri: peer.uri, reconnect, logger: quiet };
  const strategy = new AmqpTransportStrategy({ ...common, sources: queue });
  const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
  const proxy = new AmqpClientProxy({ ...common, target: queue, sendTimeoutMs: 120_000 });
  try {
    await app.listen();
    await proxy.connect();
    const completed: number[] = [];
    const failed: SendError[] = [];
    const emitted = Array.from(
      { length: EMITS },
      (_, n) =>
        new Promise<void>((resolve) => {
          proxy.emit('counted', { n }).subscribe({
            complete: () => resolve(void completed.push(n)),
            error: (error: SendError) => resolve(void failed.push(error)),
          });
        }),
    );
    await eventually('a third of them are through', () => completed.length >= EMITS / 3, { timeoutMs: 60_000 });
    const fault = peer.crash?.();
    expect(completed.length + failed.length).toBeLessThan(EMITS);
    await fault;
    await Promise.all(emitted);
    expect(completed.length + failed.length).toBe(EMITS);
    expect(failed.filter(({ name }) => name !== 'SendError')).toEqual([]);
    const lost = (): number[] => completed.filter((n) => !handled.has(n));
    await eventually('what was accepted is handled', () => lost().length === 0, { timeoutMs: 60_000 });
  } finally {
    await proxy.close();
    await app.close();
  }
  expect(await withConnection(peer, (connection) => drainQueue(connection, queue))).toEqual([]);
  return 'yes';
}

async function sharedQueue(peer: Peer): Promise<string> {
  const [orders, rest] = await withConnection(peer, async (connection) => [
    (await peer.queue(connection)).name,
    (await peer.queue(connection)).name,
  ]);
  if (orders === undefined || rest === undefined) throw new TypeError('there are two queues');
  const seen: [string, unknown][] = [];
  @Injectable()
  class Orders {
    @AmqpSubscribe(orders, { when: 'placed', unmatched: policy.deadLetter(rest) })
    placed(@Payload() n: number): void {
      seen.push(['placed', n]);
    }
    @AmqpSubscribe(orders, { when: { subject: 'cancelled', applicationProperties: { v: 2 } } })
    cancelled(@Payload() n: number): void {
      seen.push(['cancelled', n]);
    }
  }
  @Module({ imports: [AmqpModule.forRoot({ uri: peer.uri, logger: quiet })], providers: [Orders] })
  class AppModule {}
  let unmatched = 0;
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  try {
    await withConnection(peer, async (connection) => {
      const sender = connection.createSendClient(orders);
      for (let n = 0; n < 50; n += 1) {
        await sender.send(n, { subject: 'placed' });
        await sender.send(n, { subject: 'cancelled', applicationProperties: { v: 2 } });
        await sender.send(n, { subject: 'cancelled', applicationProperties: { v: 1 } });
      }
      await eventually('all with a handler are handled', () => seen.length >= 100, { timeoutMs: 30_000 });
      unmatched = (await drainQueue(connection, rest, { atLeast: 50 })).length;
    });
  } finally {
    await app.close();
  }
  const numbers = Array.from({ length: 50 }, (_, n) => n);
  for (const method of ['placed', 'cancelled'])
    expect(seen.filter(([name]) => name === method).map(([, n]) => n)).toEqual(numbers);
  const left = await withConnection(peer, (connection) => drainQueue(connection, orders));
  expect([unmatched, left.length]).toEqual([50, 0]);
  return 'yes';
}

export const transport: readonly Story[] = [
  {
    title: 'handlers with `when` share one consumer of a queue; what none is for goes where `unmatched` says',
    run: sharedQueue,
  },
  {
    title: `SIGKILL in the middle of ${EMITS} emits of a client proxy: each completes or fails, what was accepted is handled`,
    timeoutMs: 240_000,
    skip: (peer) =>
      peer.crash === undefined ? 'runs in this process; test/peer/faults/emit-kill.spec.ts has the case' : undefined,
    run: emitsUnderKill,
  },
];
