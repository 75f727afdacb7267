import { Controller } from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { from, type Observable } from 'rxjs';
import { surroundings } from '../run/surroundings.js';

/** A price of something. */
export interface Price {
  readonly sku: string;
  readonly cents: number;
}

const HISTORY: ReadonlyMap<string, readonly number[]> = new Map([
  ['tea', [450, 475, 499]],
  ['coffee', [800, 790]],
]);
const SURCHARGE = surroundings().sabotaged ? 1 : 0;

@Controller()
export class PricesController {
  /** A request with one answer. What an RpcException holds, the requester gets. */
  @MessagePattern({ cmd: 'price' })
  price(@Payload() sku: string): Price {
    return { sku, cents: historyOf(sku).at(-1) ?? 0 };
  }

  /** A request with many answers: each value is a message, and so is the end. */
  @MessagePattern('price.history')
  history(@Payload() sku: string): Observable<Price> {
    return from(historyOf(sku).map((cents) => ({ sku, cents: cents + SURCHARGE })));
  }
}

function historyOf(sku: string): readonly number[] {
  const found = HISTORY.get(sku);
  if (found === undefined) throw new RpcException({ status: 'unknown-sku', message: `nobody sells ${sku}` });
  return found;
}
