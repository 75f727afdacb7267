import { AmqpError } from '../../protocol/index.js';

/** The error of a consumer whose policy said `stop`: what the handler threw, or with it as the cause. */
export function stoppedBy(thrown: unknown, address: string): AmqpError {
  if (thrown instanceof AmqpError) return thrown;
  return new AmqpError('stopped', `the policy of "${address}" stopped the consumer`, { cause: thrown });
}
