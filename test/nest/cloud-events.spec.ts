// CloudEvents in handlers.

import 'reflect-metadata';

import { expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';

import {
  AmqpCloudEvent,
  AmqpConnection,
  AmqpModule,
  AmqpSubscribe,
  cloudEvent,
  type ReceivedCloudEvent,
} from '../../lib/index.js';
import { Seen, withApp } from './harness.js';

@Injectable()
class Events {
  readonly seen = new Seen<unknown>();

  @AmqpSubscribe('events')
  take(@AmqpCloudEvent() event: ReceivedCloudEvent<{ id: number }>): void {
    this.seen.add([event.type, event.data?.id]);
  }

  @AmqpSubscribe('batches', { batch: { maxMessages: 2, waitMs: 5_000 } })
  takeBoth(@AmqpCloudEvent() events: ReceivedCloudEvent[]): void {
    this.seen.add(events.map(({ type }) => type));
  }
}

const imports = [AmqpModule.forRoot({ uri: 'embedded:' })];
const eventOf = (type: string): { source: string; type: string; data: { id: number } } => ({
  source: '/shop',
  type,
  data: { id: 7 },
});

it('a handler gets the event, in either mode, by @AmqpCloudEvent(); one of a batch gets them all', () =>
  withApp({ imports, providers: [Events] }, async ({ app, idle }) => {
    const connection = app.get(AmqpConnection);
    const events = connection.createSendClient('events');
    await events.send(...cloudEvent(eventOf('binary')));
    await events.send(...cloudEvent(eventOf('structured'), { mode: 'structured' }));
    await idle();
    const batches = connection.createSendClient('batches');
    await Promise.all(['a', 'b'].map((type) => batches.send(...cloudEvent(eventOf(type)))));
    await idle();
    expect(app.get(Events).seen.values).toEqual([
      ['binary', 7],
      ['structured', 7],
      ['a', 'b'],
    ]);
  }));

it('what carries none is rejected at once by the default policy, and says why', () =>
  withApp({ imports, providers: [Events] }, async ({ app, broker, idle, settled }) => {
    broker.queue('events').publish('no event');
    await idle();
    expect(app.get(Events).seen.values).toEqual([]);
    expect(settled('events').map(({ outcome, deliveryCount }) => [outcome, deliveryCount])).toEqual([
      [expect.objectContaining({ kind: 'rejected', condition: 'amqp:decode-error', description: 'DecodeError' }), 0],
    ]);
  }));
