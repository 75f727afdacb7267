// Thousands of events of a client proxy (ten thousand in `npm run test:faults`), and the peer is killed in the middle of them.

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';

import { AmqpClientProxy, AmqpTransportStrategy, type SendError } from '../../../lib/index.js';
import { eventually } from '../../support/eventually.js';
import { JournallingPeer } from '../../support/journalling-peer.js';
import { isWhole } from './scale.js';

const TOTAL = isWhole ? 10_000 : 2_000;
const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const reconnect = { initialDelayMs: 5, maxDelayMs: 50 };

let peer: JournallingPeer;
let app: INestMicroservice;
let proxy: AmqpClientProxy;
let handled: Set<number>;

beforeEach(async () => {
  peer = await JournallingPeer.start();
  const seen = (handled = new Set<number>());
  @Controller()
  class Counting {
    @EventPattern('counted')
    async counted(@Payload() { n }: { n: number }): Promise<void> {
      await new Promise(setImmediate);
      seen.add(n);
    }
  }
  @Module({ controllers: [Counting] })
  class AppModule {}
  const strategy = new AmqpTransportStrategy({ uri: peer.uri, reconnect, sources: 'events' });
  app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
  await app.listen();
});

afterEach(async () => {
  await proxy.close();
  await app.close();
  await peer.stop();
});

describe('thousands of emits', () => {
  it.each(['retry', 'fail'] as const)(
    'all complete or fail when the peer is killed in the middle, and what was accepted is handled (onConnectionLost: %s)',
    async (onConnectionLost) => {
      const options = { uri: peer.uri, reconnect, target: 'events', logger: quiet, onConnectionLost };
      proxy = new AmqpClientProxy(options);
      await proxy.connect();
      const completed: number[] = [];
      const failed = new Map<number, SendError>();
      const emitted = Array.from(
        { length: TOTAL },
        (_, n) =>
          new Promise<void>((resolve) => {
            proxy.emit('counted', { n }).subscribe({
              complete: () => resolve(void completed.push(n)),
              error: (error: SendError) => resolve(void failed.set(n, error)),
            });
          }),
      );
      await eventually('half of them are through', () => completed.length >= TOTAL / 2, { timeoutMs: 30_000 });
      await peer.kill();
      expect(completed.length + failed.size).toBeLessThan(TOTAL);
      await peer.restart();
      await Promise.all(emitted); // none stays open

      expect(completed.length + failed.size).toBe(TOTAL);
      if (onConnectionLost === 'retry') expect(completed).toHaveLength(TOTAL);
      for (const error of failed.values()) {
        const { name, code, delivered } = error;
        expect({ name, code, delivered }).toEqual({ name: 'SendError', code: 'connection-lost', delivered: 'unknown' });
      }
      const journalled = new Set(peer.accepted().map(({ message }) => numberOf(message.data)));
      expect(completed.filter((n) => !journalled.has(n))).toEqual([]);
      await eventually('the queue is empty', () => peer.isEmpty(), { timeoutMs: 30_000 });
      expect(completed.filter((n) => !handled.has(n))).toEqual([]);
      expect(peer.kills).toBe(1);
    },
    120_000,
  );
});

function numberOf(data: Buffer | undefined): number {
  return (JSON.parse(String(data)) as { n: number }).n; // as it was emitted
}
