import {
  BadGatewayException,
  Body,
  Controller,
  GatewayTimeoutException,
  Get,
  HttpCode,
  Inject,
  type MessageEvent,
  NotFoundException,
  Param,
  Post,
  Sse,
} from '@nestjs/common';
import type { ClientProxy } from '@nestjs/microservices';
import { RequestTimeoutError } from 'nestjs-amqp10';
import { catchError, firstValueFrom, lastValueFrom, map, type Observable } from 'rxjs';
import type { Price } from '../prices/prices.controller.js';
import type { OrderEvent, Stock } from '../stock/stock.controller.js';

/** The client of both services: which queue a message goes to follows from its pattern. */
export const SERVICES = Symbol('services');

/** What the outside sees: HTTP in, AMQP out. */
@Controller()
export class GatewayController {
  constructor(@Inject(SERVICES) private readonly services: ClientProxy) {}

  @Get('prices/:sku')
  price(@Param('sku') sku: string): Promise<Price> {
    return this.ask<Price>({ cmd: 'price' }, sku);
  }

  /** Each price goes out as it comes. */
  @Sse('prices/:sku/history')
  history(@Param('sku') sku: string): Observable<MessageEvent> {
    return this.services.send<Price>('price.history', sku).pipe(map(({ cents }) => ({ data: String(cents) })));
  }

  @Get('stock/:sku')
  stock(@Param('sku') sku: string): Promise<Stock> {
    return this.ask<Stock>('stock.of', sku);
  }

  /** Answers when the broker has taken the event; the service hears of it in its own time. */
  @Post('orders')
  @HttpCode(202)
  async order(@Body() order: OrderEvent): Promise<void> {
    await lastValueFrom(this.services.emit('order.placed', order), { defaultValue: undefined });
  }

  @Post('returns')
  @HttpCode(202)
  async giveBack(@Body() order: OrderEvent): Promise<void> {
    await lastValueFrom(this.services.emit('order.returned', order), { defaultValue: undefined });
  }

  private ask<Answer>(pattern: string | { cmd: string }, sku: string): Promise<Answer> {
    return firstValueFrom(this.services.send<Answer>(pattern, sku).pipe(catchError(asHttp)));
  }
}

/** An error reply comes as what the service said; everything else as an error of the library. */
function asHttp(error: unknown): never {
  if (error instanceof RequestTimeoutError) throw new GatewayTimeoutException();
  if (!(error instanceof Error) && Reflect.get(Object(error), 'status') === 'unknown-sku')
    throw new NotFoundException(Reflect.get(Object(error), 'message'));
  throw new BadGatewayException(undefined, { cause: error });
}
