import { AmqpError } from '../../protocol/index.js';

/** The error of a consumer whose policy said `stop`. */
export function stoppedBy(thrown: unknown, address: string): AmqpError {
  return told(thrown, 'stopped', address);
}

/** The error of a consumer whose policy said `pause`, as long as that lasts. */
export function pausedBy(thrown: unknown, address: string): AmqpError {
  return told(thrown, 'paused', address);
}

/** What the handler threw where those are our words, which health tells; else it is the cause. */
function told(thrown: unknown, code: 'stopped' | 'paused', address: string): AmqpError {
  if (AmqpError.hasOwnWords(thrown)) return thrown;
  return AmqpError.inOwnWords(
    new AmqpError(code, `the policy of "${address}" ${code} the consumer`, { cause: thrown }),
  );
}
