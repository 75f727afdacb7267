import 'reflect-metadata';

import { expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';

import { AmqpConnection, AmqpConsumers, AmqpModule, AmqpSubscribe, policy } from '../../lib/index.js';
import { eventually } from '../support/eventually.js';
import { withApp } from './harness.js';

@Injectable()
class Stopping {
  @AmqpSubscribe(['first', 'second'], { name: 'both', errorPolicy: policy.stop })
  handle(): void {
    throw new Error('no more');
  }
}

it('policy.stop on one source closes the consumer on all of them, and the message is given back', async () => {
  const imports = [AmqpModule.forRoot({ uri: 'embedded:' })];
  await withApp({ imports, providers: [Stopping] }, async ({ app, broker }) => {
    await app.get(AmqpConnection).createSendClient('first').send(1);
    const consumer = app.get(AmqpConsumers).get('both');
    await eventually('the consumer is failed', () => consumer.state === 'failed');
    expect(consumer.error?.code).toBe('stopped');
    await eventually('nobody consumes', () =>
      ['first', 'second'].every((queue) => broker.queue(queue).stats().consumers === 0),
    );
    expect(broker.queue('first').stats()).toMatchObject({ ready: 1, released: 1 });
  });
});
