import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, type ClientProxy } from '@nestjs/microservices';
import { AmqpContext } from 'nestjs-amqp10';
import { firstValueFrom } from 'rxjs';
import type { Price } from '../prices/prices.controller.js';

/** What the gateway tells when somebody ordered or sent something back. */
export interface OrderEvent {
  readonly sku: string;
  readonly pieces: number;
}

/** What there is of something, and what it is worth. */
export interface Stock {
  readonly sku: string;
  readonly pieces: number;
  readonly cents: number;
}

/** The client of the service of prices. */
export const PRICES = Symbol('prices');

@Controller()
export class StockController {
  private readonly pieces = new Map([
    ['tea', 1_000],
    ['coffee', 50],
  ]);

  constructor(@Inject(PRICES) private readonly prices: ClientProxy) {}

  /** An event: accepted when this has returned, and handled again by the error policy when it throws. */
  // <string>: Nest 12's types refuse a second parameter without it
  // oxlint-disable-next-line typescript/no-unnecessary-type-arguments -- as said above
  @EventPattern<string>('order.*')
  onOrder(@Payload() { sku, pieces }: OrderEvent, @Ctx() context: AmqpContext): void {
    const sign = context.getPattern() === 'order.placed' ? -1 : 1;
    this.pieces.set(sku, (this.pieces.get(sku) ?? 0) + sign * pieces);
  }

  /** A request that asks another service before it answers. */
  @MessagePattern('stock.of')
  async stockOf(@Payload() sku: string): Promise<Stock> {
    const { cents } = await firstValueFrom(this.prices.send<Price>({ cmd: 'price' }, sku));
    const pieces = this.pieces.get(sku) ?? 0;
    return { sku, pieces, cents: pieces * cents };
  }
}
