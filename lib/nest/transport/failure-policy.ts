// A message arriving: what becomes of one that failed. Requests that cannot be read, or have no handler, are answered where it is their end.

import { type AmqpLogger, DecodeError, type HandlerPolicy } from '../../client/index.js';
import { answerFailures, type Replies } from '../reply/replies.js';
import { UnmatchedPatternError } from './unmatched.js';

/** `errorPolicy` for whatever has a handler, `unmatched` for what has none. */
export function failurePolicy(
  errorPolicy: HandlerPolicy,
  unmatched: HandlerPolicy,
  replies: Replies,
  logger: AmqpLogger,
): HandlerPolicy {
  const answeredUnmatched = answerFailures(unmatched, replies);
  const answeredUnreadable = answerFailures(errorPolicy, replies);
  const chosen: HandlerPolicy = (error, failed) => {
    if (error instanceof UnmatchedPatternError) {
      const { address, pattern } = error;
      logger.warn(`no handler for the pattern ${JSON.stringify(pattern)} of a message from ${address}`);
      return answeredUnmatched(error, failed);
    }
    return (error instanceof DecodeError ? answeredUnreadable : errorPolicy)(error, failed);
  };
  // What the client knows of the policy (that it redelivers) is kept.
  return Object.assign(chosen, errorPolicy);
}
