// AmqpTransportStrategy and AmqpClientProxy, as built: every request and every reply is accepted by the peer and settled.

import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { echoModule } from './controller.mjs';

const load = () =>
  import(new URL('index.js', process.env.BENCH_DIST ?? new URL('../../dist/esm/', import.meta.url)).href);

export async function respond({ uri, queue, prefetch }, onRequest) {
  const { AmqpTransportStrategy } = await load();
  const strategy = new AmqpTransportStrategy({ uri, sources: queue, prefetch, concurrency: prefetch });
  const app = await NestFactory.createMicroservice(echoModule(onRequest), { logger: ['error'], strategy });
  await app.listen();
  return () => app.close();
}

export async function requester({ uri, queue }) {
  const { AmqpClientProxy } = await load();
  const client = ClientProxyFactory.create({ customClass: AmqpClientProxy, options: { uri, target: queue } });
  await client.connect();
  return { ask: (value) => lastValueFrom(client.send('echo', value)), close: () => client.close() };
}
