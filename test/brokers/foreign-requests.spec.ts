// Requesters and responders that nobody here wrote (Apache Qpid Proton) and the transport: no envelope, no library on the other side.

import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { from } from 'rxjs';

import { AmqpClientProxy, AmqpTransportStrategy } from '../../lib/index.js';
import { ask } from '../nest/scenarios/stage.js';
import { embeddedPeer, type Peer, realPeers, withConnection } from './peer.js';

const PYTHON = '/usr/bin/python3';
const script = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));
const isInstalled = spawnSync(PYTHON, ['-c', 'import proton']).status === 0;
if (!isInstalled) process.stdout.write(`skipped: ${PYTHON} has no module "proton" (python3-qpid-proton)\n`);

const { up } = await realPeers();
const embedded = await embeddedPeer();
afterAll(() => embedded.close());
const peers = [embedded, ...up.filter(({ name }) => name !== 'rabbitmq-3')];

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

@Controller()
class Service {
  @MessagePattern({ cmd: 'sum' })
  sum(@Payload() numbers: number[]): number {
    return numbers.reduce((sum, each) => sum + each, 0);
  }
  @MessagePattern('echo')
  echo(@Payload() data: unknown): unknown {
    return { data };
  }
  @MessagePattern('stream')
  stream(@Payload() numbers: number[]) {
    return from(numbers);
  }
}

const written = (peer: Peer, queue: string): string => (peer.name === 'rabbitmq-4' ? `/queues/${queue}` : queue);

async function queueAt(peer: Peer): Promise<string> {
  return (await withConnection(peer, (connection) => peer.queue(connection))).name;
}

(isInstalled ? describe : describe.skip).each(peers.map((peer) => ({ name: peer.name, peer })))(
  'Proton over $name',
  ({ peer }) => {
    it('asks a handler of the transport and gets its replies', async () => {
      const requests = await queueAt(peer);
      @Module({ controllers: [Service] })
      class AppModule {}
      const strategy = new AmqpTransportStrategy({ uri: peer.uri, sources: requests });
      const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false });
      ends.push(() => app.close());
      await app.listen();
      // RabbitMQ 4 before 4.2 makes no dynamic nodes.
      const replyTo = peer.name === 'rabbitmq-4' ? [written(peer, await queueAt(peer))] : [];
      const args = [script('proton_requester.py'), peer.uri, written(peer, requests), ...replyTo];
      const { stdout } = await promisify(execFile)(PYTHON, args);
      expect(JSON.parse(stdout)).toEqual([
        { body: 6, correlation: 'by-correlation', kind: 'value' },
        { body: { data: 'text' }, correlation: 'by-message-id', kind: 'value' },
        { body: 1, correlation: 'stream', kind: 'next' },
        { body: 2, correlation: 'stream', kind: 'next' },
        { body: null, correlation: 'stream', kind: 'complete' },
        {
          body: { status: 'error', message: 'There is no matching message handler defined in the remote service.' },
          correlation: 'unmatched',
          kind: 'error',
        },
      ]);
    }, 60_000);

    it('answers what a client proxy asks', async () => {
      const requests = await queueAt(peer);
      const python = spawn(PYTHON, [script('proton_responder.py'), peer.uri, written(peer, requests), '2']);
      const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
      ends.push(() => Promise.resolve(python.kill()));
      expect((await lines.next()).value).toBe('ready');
      const proxy = new AmqpClientProxy({ uri: peer.uri, target: requests });
      ends.push(() => proxy.close());
      expect(await ask(proxy, { cmd: 'price' }, { id: 1 })).toEqual({ seen: { id: 1 } });
      expect(await ask(proxy, 'price', 'Käse')).toEqual({ seen: 'Käse' });
      expect(JSON.parse(String((await lines.next()).value))).toEqual([
        { subject: '{"cmd":"price"}', body: { id: 1 } },
        { subject: 'price', body: 'Käse' },
      ]);
    }, 60_000);
  },
);
