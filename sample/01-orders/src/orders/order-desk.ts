import { setTimeout as wait } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Channel } from '../input-file.js';
import { Ledger } from '../ledger.js';
import type { OrderDto } from './order.dto.js';
import { CustomsUnavailable } from './order.errors.js';

/** The id of the message that `--sabotage drop-one` makes vanish; injected as `undefined` otherwise. */
export const SABOTAGED_MESSAGE = Symbol('SABOTAGED_MESSAGE');

/** Places orders. What it does with one shows in the ledger. */
@Injectable()
export class OrderDesk {
  private readonly known = new Set<string>();
  private readonly declared = new Map<string, number>();

  constructor(
    private readonly ledger: Ledger,
    @Inject(SABOTAGED_MESSAGE) private readonly sabotaged: string | undefined,
  ) {}

  /**
   * Places one order, or recognises one that is placed already.
   *
   * @throws {CustomsUnavailable} customs did not answer: the same order may pass later
   * @throws {TypeError} for antiques, which nobody taught this program
   */
  async place(channel: Channel, messageId: string, order: OrderDto): Promise<void> {
    // The sabotage: the handler returns as if all were well, so the message is accepted and the order is gone.
    if (messageId === this.sabotaged) return;
    if (this.known.has(order.orderId)) {
      this.ledger.write(channel, messageId, 'skipped');
      return;
    }
    this.known.add(order.orderId);
    try {
      for (const { sku } of order.items) await this.reserve(order.orderId, sku);
    } catch (error) {
      this.known.delete(order.orderId);
      this.ledger.write(channel, messageId, 'failed');
      throw error;
    }
    this.ledger.write(channel, messageId, 'placed');
  }

  private async reserve(orderId: string, sku: string): Promise<void> {
    if (sku.startsWith('PALLET-')) await wait(200);
    if (sku.startsWith('IMPORT-')) this.declareToCustoms(orderId);
    if (sku.startsWith('ANTIQUE-')) throw new TypeError(`nobody knows how to pack ${sku}`);
  }

  /** Customs answer the third time only. */
  private declareToCustoms(orderId: string): void {
    const asked = (this.declared.get(orderId) ?? 0) + 1;
    this.declared.set(orderId, asked);
    if (asked < 3) throw new CustomsUnavailable(`customs did not answer for ${orderId}`);
  }
}
