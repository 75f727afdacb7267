// This process's run: the names of what it makes, and where it connects to.

import { randomUUID } from 'node:crypto';

const id = randomUUID().slice(0, 8);

export const run = {
  brokerName: `events-${id}`,
  events: `events-${id}`,
  /** Where events go that nobody is for. */
  unknown: `events-${id}.unknown`,
} as const;

/** @throws when `AMQP_URI` is set and empty: nobody means the embedded broker by that */
export function uriOf({ AMQP_URI: uri }: { readonly AMQP_URI?: string }): string {
  if (uri === '') throw new Error('AMQP_URI is set and empty; leave it out for the embedded broker');
  return uri ?? `embedded:${run.brokerName}`;
}
