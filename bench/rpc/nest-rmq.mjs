// Nest's RMQ transport (AMQP 0-9-1): messages not persistent, replies by direct reply-to, which are its defaults. `noAck`: its default, in
// which the broker forgets a request as it sends it; without it the handler acknowledges. `noDelay`: its sockets without Nagle.

import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { echoModule } from './controller.mjs';

Logger.overrideLogger(['error']); // its client proxy tells of every connection

const optionsOf = ({ uri, queue, noDelay }) => ({
  urls: [uri],
  queue,
  queueOptions: { durable: true },
  ...(noDelay ? { socketOptions: { connectionOptions: { noDelay } } } : {}),
});

export async function respond(task, onRequest) {
  const { noAck, prefetch } = task;
  const module = echoModule((context) => {
    if (!noAck) context.getChannelRef().ack(context.getMessage());
    onRequest();
  });
  const options = { ...optionsOf(task), noAck, prefetchCount: prefetch };
  const app = await NestFactory.createMicroservice(module, { logger: ['error'], transport: Transport.RMQ, options });
  await app.listen();
  return () => app.close();
}

export async function requester(task) {
  const client = ClientProxyFactory.create({ transport: Transport.RMQ, options: optionsOf(task) });
  await client.connect();
  return { ask: (value) => lastValueFrom(client.send('echo', value)), close: () => client.close() };
}
