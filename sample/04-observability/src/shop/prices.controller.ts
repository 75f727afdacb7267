import { Controller } from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { Ledger } from './ledger.js';

const CENTS: ReadonlyMap<string, number> = new Map([
  ['tea', 499],
  ['coffee', 790],
]);

/** The request handler. */
@Controller()
export class PricesController {
  constructor(private readonly ledger: Ledger) {}

  @MessagePattern('price')
  price(@Payload() article: string): number {
    const cents = CENTS.get(article);
    this.ledger.write(cents === undefined ? 'not priced' : 'priced');
    if (cents === undefined) throw new RpcException({ status: 'unknown-article', message: `nobody sells ${article}` });
    return cents;
  }
}
