// Two kinds of events, a method for each. All methods with `when` on one queue are one consumer.

import { Injectable } from '@nestjs/common';
import { AmqpCloudEvent, AmqpSubscribe, policy, type ReceivedCloudEvent } from 'nestjs-amqp10';
import { run } from './current-run.js';

@Injectable()
export class OrderEvents {
  readonly placed: string[] = [];
  readonly cancelled: string[] = [];

  @AmqpSubscribe(run.events, {
    name: 'events',
    when: { applicationProperties: { cloudEvents_type: 'order.placed' } },
    concurrency: 4,
    unmatched: policy.deadLetter(run.unknown),
    topology: { queues: [run.events, run.unknown] },
  })
  onPlaced(@AmqpCloudEvent() event: ReceivedCloudEvent<{ order: string }>): void {
    this.placed.push(event.data?.order ?? 'none');
  }

  @AmqpSubscribe(run.events, { when: { applicationProperties: { cloudEvents_type: 'order.cancelled' } } })
  onCancelled(@AmqpCloudEvent() event: ReceivedCloudEvent): void {
    this.cancelled.push(event.subject ?? 'none');
  }
}
