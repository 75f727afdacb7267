// Where orders end: whoever reads the invoices and the dead letters, on a connection that nothing watches.

import type { AmqpConnection } from 'nestjs-amqp10';
import { names } from './current-run.js';

export class Ends {
  #invoices = 0;
  #dead = 0;

  private constructor() {}

  /** Reads until the connection is closed. */
  static async watch(connection: AmqpConnection): Promise<Ends> {
    const ends = new Ends();
    const invoices = connection.createReceiveClient(names.invoices).subscribe(() => void ends.#invoices++);
    const dead = connection.createReceiveClient(names.dead).subscribe(() => void ends.#dead++);
    await Promise.all([invoices.ready(), dead.ready()]);
    return ends;
  }

  /** Messages that came. */
  get invoices(): number {
    return this.#invoices;
  }

  get dead(): number {
    return this.#dead;
  }
}
