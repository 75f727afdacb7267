// What is said of a link that is not there: in the log, and as an error.

import { AmqpError, ConnectionError, LinkError } from '../../protocol/index.js';
import { AmqpTimeoutError } from '../errors.js';
import type { LinkEffect, LinkState } from './link-state.js';
import type { LinkSurroundings } from './link-surroundings.js';

/** @param before the state that it was lost in */
export function logLoss(
  { cause, refused }: Extract<LinkEffect, { run: 'tell-lost' }>,
  before: LinkState,
  address: string,
  { logger, policy, current }: Pick<LinkSurroundings, 'logger' | 'policy' | 'current'>,
): void {
  if (refused) {
    const isFirst = before.name === 'attached' || (before.name === 'attaching' && !before.refused);
    const again = `the next attempt is in ${policy.refusedRetryMs} ms`;
    if (isFirst) logger.error(`"${address}" was refused: ${cause.message}; ${again}`);
  } else if (before.name === 'attached' && current() !== undefined) {
    logger.warn(`"${address}" was detached: ${cause.message}; it is attached again`);
  }
}

/** It was beside a connection that has another peer now. */
export function movedOn(address: string): AmqpError {
  return AmqpError.inOwnWords(
    new ConnectionError('connection-lost', `"${address}" goes with its connection, which has another peer now`),
  );
}

export function tookTooLong(state: LinkState, address: string, readyTimeoutMs: number): Error {
  const cause = 'cause' in state ? state.cause : undefined;
  const why = cause === undefined ? '' : `: ${cause.message}`;
  const error = new AmqpTimeoutError(`"${address}" was not attached within ${readyTimeoutMs} ms${why}`, { cause });
  return cause === undefined || AmqpError.hasOwnWords(cause) ? AmqpError.inOwnWords(error) : error;
}

export function toAmqpError(thrown: unknown, address: string): AmqpError {
  if (thrown instanceof AmqpError) return thrown;
  return AmqpError.inOwnWords(new LinkError(`"${address}" could not be attached`, address, '', { cause: thrown }));
}
