import { Injectable } from '@nestjs/common';
import type { Channel } from './input-file.js';

/** What a handler did with one message: wrote the order down, knew it already, or failed. */
export type Deed = 'placed' | 'skipped' | 'failed';

/** One line of the ledger. */
export interface LedgerEntry {
  readonly channel: Channel;
  readonly messageId: string;
  readonly deed: Deed;
}

/** The shop's own books, written by the handlers and by nobody else. The balance at the end rests on it. */
@Injectable()
export class Ledger {
  readonly entries: LedgerEntry[] = [];

  write(channel: Channel, messageId: string, deed: Deed): void {
    this.entries.push({ channel, messageId, deed });
  }
}
