import { Body, Controller, HttpCode, Inject, NotFoundException, Post } from '@nestjs/common';
import type { ClientProxy } from '@nestjs/microservices';
import { trace } from '@opentelemetry/api';
import { InjectSendClient, SendClient } from 'nestjs-amqp10';
import { catchError, firstValueFrom } from 'rxjs';
import { Ledger } from './ledger.js';
import type { Order } from './order.js';

/** The client of the price desk. */
export const PRICES = Symbol('prices');

/** HTTP in; asks for the price, sends the order, and answers when the broker has taken it. */
@Controller('orders')
export class OrdersController {
  constructor(
    @Inject(PRICES) private readonly prices: ClientProxy,
    @InjectSendClient('orders') private readonly orders: SendClient,
    private readonly ledger: Ledger,
  ) {}

  @Post()
  @HttpCode(202)
  async order(@Body() order: Order): Promise<void> {
    this.ledger.write('asked', order.id);
    // An attribute of the application's own, on the span of the HTTP request.
    trace.getActiveSpan()?.setAttribute('app.order', order.id);
    const cents = await firstValueFrom(this.prices.send<number>('price', order.article).pipe(catchError(asHttp)));
    await this.orders.send({ ...order, cents });
    this.ledger.write('ordered', order.id);
  }
}

function asHttp(error: unknown): never {
  if (Reflect.get(Object(error), 'status') === 'unknown-article') throw new NotFoundException();
  throw error;
}
