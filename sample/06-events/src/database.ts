// A database that does not answer at first.

import { Injectable } from '@nestjs/common';

export class DatabaseDown extends Error {}

@Injectable()
export class Database {
  readonly written: string[] = [];
  /** Calls that found it down. */
  refused = 0;
  /** Calls that it refuses before it is up. */
  refusals = 3;

  write(row: string): void {
    if (this.refused < this.refusals) {
      this.refused += 1;
      throw new DatabaseDown('connection refused');
    }
    this.written.push(row);
  }
}
