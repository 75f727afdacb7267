// Events of a Nest client proxy, while the broker dies.

import { expect } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { AmqpClientProxy, AmqpTransportStrategy, type SendError } from '../../../lib/index.js';
import { eventually } from '../../support/eventually.js';
import { drainQueue, type Peer, withConnection } from '../peer.js';
import type { Story } from '../story.js';

const EMITS = 10_000;
const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const reconnect = { initialDelayMs: 50, maxDelayMs: 500 };

async function emitsUnderKill(peer: Peer): Promise<string> {
  const { name: queue } = await withConnection(peer, (connection) => peer.queue(connection, { kind: 'classic' }));
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

export const transport: readonly Story[] = [
  {
    title: `SIGKILL in the middle of ${EMITS} emits of a client proxy: each completes or fails, what was accepted is handled`,
    timeoutMs: 240_000,
    skip: (peer) =>
      peer.crash === undefined ? 'runs in this process; test/peer/faults/emit-kill.spec.ts has the case' : undefined,
    run: emitsUnderKill,
  },
];
