import { BatchError } from '../errors.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import type { Failure } from './failures.js';

/** The members of a batch that failed, by what its handler threw. */
export function failuresOf(batch: readonly IncomingMessage[], error: unknown): Failure[] {
  if (!(error instanceof BatchError)) return batch.map((message) => ({ message, error }));
  const members = new Map<object, IncomingMessage>(batch.map((message) => [message, message]));
  const failures: Failure[] = [];
  for (const { message: named, error: cause } of error.failures) {
    const message = typeof named === 'number' ? batch[named] : members.get(named);
    if (message !== undefined) failures.push({ message, error: cause });
  }
  // One that names nobody of this batch says that something failed, but not what: nothing may count as handled.
  return failures.length < error.failures.length ? batch.map((message) => ({ message, error })) : failures;
}
