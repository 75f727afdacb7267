import { Injectable } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { AmqpContext, AmqpSubscribe, InjectSendClient, policy, SendClient } from 'nestjs-amqp10';
import { names } from '../run/current-run.js';
import { Ledger } from './ledger.js';
import { InvalidOrder, type Order, WarehouseBusy } from './order.js';

const ATTEMPTS = 3;

/** The consumer: places an order and sends the invoice. */
@Injectable()
export class OrderConsumer {
  constructor(
    @InjectSendClient('invoices') private readonly invoices: SendClient,
    private readonly ledger: Ledger,
  ) {}

  @AmqpSubscribe(names.orders, {
    errorPolicy: policy.byError(
      [[InvalidOrder, policy.deadLetter(names.dead)]],
      policy.retry({ attempts: ATTEMPTS, backoff: policy.fixed(10), then: policy.deadLetter(names.dead) }),
    ),
  })
  async place(@Payload() order: Order & { readonly cents: number }, @Ctx() context: AmqpContext): Promise<void> {
    const { attempt } = context.getMessage();
    this.ledger.write(attempt === 1 ? 'received' : 'retried', order.id);
    try {
      if (order.pieces < 1) throw new InvalidOrder(`order ${order.id} is for nothing`);
      if (attempt <= (order.busy ?? 0)) throw new WarehouseBusy(`no hands for order ${order.id}`);
      await this.invoices.send({ order: order.id, cents: order.cents * order.pieces });
      this.ledger.write('placed', order.id);
    } catch (error) {
      // As the policy above will decide.
      const isLast = error instanceof InvalidOrder || attempt === ATTEMPTS;
      this.ledger.write(isLast ? 'given up' : 'failed', order.id);
      throw error;
    }
  }
}
