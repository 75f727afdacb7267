import { AmqpError } from '../../protocol/index.js';

/** The error of a consumer whose policy said `stop`: what the handler threw where those are our words, which health tells; else it is the cause. */
export function stoppedBy(thrown: unknown, address: string): AmqpError {
  if (AmqpError.hasOwnWords(thrown)) return thrown;
  return AmqpError.inOwnWords(
    new AmqpError('stopped', `the policy of "${address}" stopped the consumer`, { cause: thrown }),
  );
}
