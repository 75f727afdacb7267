import 'reflect-metadata';

import { describe, expect, it } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import {
  AmqpModule,
  AmqpSubscribe,
  getAmqpConnectionToken,
  getSendClientToken,
  jwtToken,
  type AmqpConnection,
  type AmqpModuleOptions,
  type SendClient,
} from '../../lib/index.js';
import { eventually } from '../support/eventually.js';
import { Lines, Seen } from './harness.js';

const seen = new Seen<unknown>();

@Injectable()
class Orders {
  @AmqpSubscribe('orders')
  take(@Payload() order: unknown): void {
    seen.add(order);
  }
}

/** A broker of its own that takes nobody without a token. */
const options = (audience: string, logger: Lines): AmqpModuleOptions => ({
  uri: 'embedded:',
  broker: {
    queues: ['orders'],
    allowAnonymous: false,
    cbs: {
      required: true,
      validate: (token) => ({
        statusCode: token.audience === 'sb://host/orders' ? 202 : 404,
        description: 'no such node',
      }),
    },
  },
  credentials: jwtToken({
    audience,
    // Long before the end, which on a busy machine would come first.
    refreshBeforeMs: 2_800,
    getToken: () => Promise.resolve({ token: `hunter2-${Math.random()}`, expiresOn: Date.now() + 3_000 }),
  }),
  logger,
});

const boot = (given: AmqpModuleOptions) => {
  @Module({
    imports: [AmqpModule.forRoot(given), AmqpModule.forFeature({ senders: [{ name: 'orders' }] })],
    providers: [Orders],
  })
  class App {}
  return NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
};

describe('an application with tokens', () => {
  it('does not start when its first token is refused, and says what the peer said', async () => {
    await expect(boot(options('sb://host/elsewhere', new Lines()))).rejects.toMatchObject({
      name: 'AuthenticationError',
      statusCode: 404,
      description: 'no such node',
    });
  });

  it('consumes and sends across their renewals, and shows no token', async () => {
    const logger = new Lines();
    const app = await boot(options('sb://host/orders', logger));
    const connection = app.get<AmqpConnection>(getAmqpConnectionToken());
    const orders = app.get<SendClient>(getSendClientToken('orders'));
    await orders.send({ id: 1 });
    await eventually('two renewals', () => (connection.authentication?.refreshes ?? 0) >= 2);
    await orders.send({ id: 2 });
    await seen.count(2);
    expect(seen.values).toEqual([{ id: 1 }, { id: 2 }]);
    expect(connection.authentication).toMatchObject({ state: 'ok', failures: 0 });
    expect(logger.matching(/was renewed, good until/).length).toBeGreaterThanOrEqual(2);
    expect(logger.matching(/hunter2|lost|detached|refused/)).toEqual([]);
    await app.close();
  });
});
