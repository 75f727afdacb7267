// The names of this process's run: a decorator's policy needs them before anything is connected.

import { randomUUID } from 'node:crypto';

/** The queues of one run. */
export interface Names {
  readonly orders: string;
  readonly prices: string;
  /** What became of the orders: read at the end by nobody but the run. */
  readonly invoices: string;
  readonly dead: string;
}

const prefix = `observability-${randomUUID().slice(0, 8)}.`;

export const names: Names = {
  orders: `${prefix}orders`,
  prices: `${prefix}prices`,
  invoices: `${prefix}invoices`,
  dead: `${prefix}orders.dead`,
};

/** The same name in every run: `{run}.orders`. Other names are none of this run's. */
export function templateOf(name: string): string | undefined {
  return name.startsWith(prefix) ? `{run}.${name.slice(prefix.length)}` : undefined;
}

/** A text without the id of the run, to be read and compared. */
export function withoutRun(text: string): string {
  return text.replaceAll(prefix, '');
}
