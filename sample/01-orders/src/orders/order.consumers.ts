// Three consumers, three ways to treat a failure. None of the handlers settles anything: returning accepts, throwing asks the policy.

import { Injectable } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { AmqpContext, AmqpSubscribe, DecodeError, policy } from 'nestjs-amqp10';
import { run } from '../run/current-run.js';
import { OrderDesk } from './order-desk.js';
import { OrderDto } from './order.dto.js';
import { InvalidOrder } from './order.errors.js';
import { orderPipe } from './order.pipe.js';

/** Web shop: try again here a few times, then reject: the peer moves it to the dead-letter queue. */
@Injectable()
export class WebOrders {
  constructor(private readonly desk: OrderDesk) {}

  @AmqpSubscribe(() => run.queue('web'), {
    concurrency: 16,
    prefetch: 64,
    errorPolicy: policy.byError(
      [
        [InvalidOrder, policy.reject('app:invalid-order')],
        [DecodeError, policy.reject('app:unreadable')],
      ],
      policy.retry({ attempts: 3, backoff: policy.exponential({ initialMs: 20 }), then: policy.reject('app:gave-up') }),
    ),
  })
  async place(@Payload(orderPipe) order: OrderDto, @Ctx() context: AmqpContext): Promise<void> {
    await this.desk.place('web', messageIdOf(context), order);
  }
}

/** Tills in the shops: give it back to the peer, so that any instance may try next; the third failure is the last. */
@Injectable()
export class ShopOrders {
  constructor(private readonly desk: OrderDesk) {}

  @AmqpSubscribe(() => run.queue('shop'), {
    concurrency: 8,
    errorPolicy: policy.byError(
      [
        [InvalidOrder, policy.reject('app:invalid-order')],
        [DecodeError, policy.reject('app:unreadable')],
      ],
      policy.redeliver({ maxDeliveries: 3, delayMs: 50, then: policy.reject('app:gave-up') }),
    ),
  })
  async place(@Payload(orderPipe) order: OrderDto, @Ctx() context: AmqpContext): Promise<void> {
    await this.desk.place('shop', messageIdOf(context), order);
  }
}

/** Partners: one order at a time for each customer; what fails is parked with the reason, for a person to look at. */
@Injectable()
export class PartnerOrders {
  constructor(private readonly desk: OrderDesk) {}

  @AmqpSubscribe(() => run.queue('partner'), {
    concurrency: 4,
    orderBy: 'group-id',
    errorPolicy: policy.byError(
      [[(error) => error instanceof InvalidOrder || error instanceof DecodeError, policy.deadLetter(run.parked)]],
      policy.retry({ attempts: 3, backoff: policy.fixed(25), then: policy.deadLetter(run.parked) }),
    ),
  })
  async place(@Payload(orderPipe) order: OrderDto, @Ctx() context: AmqpContext): Promise<void> {
    await this.desk.place('partner', messageIdOf(context), order);
  }
}

function messageIdOf(context: AmqpContext): string {
  return String(context.getMessage().properties?.messageId);
}
