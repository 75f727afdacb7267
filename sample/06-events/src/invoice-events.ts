// A third kind of the same queue. It needs a database, and while that is down the consumer waits.

import { Injectable } from '@nestjs/common';
import {
  AmqpCloudEvent,
  AmqpContext,
  AmqpSubscribe,
  cloudEventOf,
  isCloudEvent,
  policy,
  type ReceivedCloudEvent,
} from 'nestjs-amqp10';
import { Ctx } from '@nestjs/microservices';
import { run } from './current-run.js';
import { Database, DatabaseDown } from './database.js';

@Injectable()
export class InvoiceEvents {
  /** Deliveries that were counted as failed before the one that was handled. */
  failedDeliveries = 0;

  constructor(private readonly database: Database) {}

  @AmqpSubscribe(run.events, {
    when: (message) => isCloudEvent(message) && cloudEventOf(message).type === 'invoice.due',
    errorPolicy: policy.byError([
      [DatabaseDown, policy.pause({ delayMs: policy.exponential({ initialMs: 100, maxMs: 5_000 }) })],
    ]),
  })
  onDue(@AmqpCloudEvent() event: ReceivedCloudEvent<{ invoice: string }>, @Ctx() context: AmqpContext): void {
    this.database.write(event.data?.invoice ?? 'none');
    this.failedDeliveries += context.getMessage().deliveryCount;
  }
}
