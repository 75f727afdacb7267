// Where a peer's management is not there, or not for this user, what an attach alone can do is still done.

import { AmqpError, LinkError } from '../../protocol/index.js';
import { TopologyError } from '../errors.js';
import { autoCreateTopology } from './auto-create-topology.js';
import { REQUEST_REFUSED } from './management-pair.js';
import type { TopologyDriver } from './topology-driver.js';

/** What a peer says that has no such node, or has none for this user. */
const REFUSED: ReadonlySet<string | undefined> = new Set(['amqp:not-found', 'amqp:unauthorized-access']);

/** @param noRight further conditions with which this peer rejects the requests of a user who may not manage */
export function orByAttaching(managed: TopologyDriver, node: string, noRight: readonly string[]): TopologyDriver {
  // A request that was released, or rejected for any other reason, may be taken the next time.
  const isRefusal = ({ code, condition }: LinkError): boolean =>
    REFUSED.has(condition) || (code === REQUEST_REFUSED && condition !== undefined && noRight.includes(condition));
  const either =
    <Arguments extends unknown[], Result>(
      first: (...given: Arguments) => Promise<Result>,
      second: (...given: Arguments) => Promise<Result>,
    ) =>
    async (...given: Arguments): Promise<Result> => {
      try {
        return await first(...given);
      } catch (error) {
        if (!(error instanceof LinkError) || error.address !== node || !isRefusal(error)) throw error;
        return second(...given).catch((reason: unknown) => {
          if (!(reason instanceof TopologyError) || reason.code !== 'unsupported') throw reason;
          const message = `${reason.message}; its management at ${node} could do it, but cannot be had: ${error.message}`;
          throw AmqpError.inWordsOf(
            error,
            new TopologyError('unsupported', message, { condition: error.condition, cause: error }),
          );
        });
      }
    };
  const other = autoCreateTopology;
  return {
    declare: either(managed.declare, other.declare),
    check: either(managed.check, other.check),
    bind: either(managed.bind, other.bind),
    unbind: either(managed.unbind, other.unbind),
    purge: either(managed.purge, other.purge),
    deleteQueue: either(managed.deleteQueue, other.deleteQueue),
    deleteExchange: either(managed.deleteExchange, other.deleteExchange),
    inspect: either(managed.inspect, other.inspect),
    ensureQueue: either(managed.ensureQueue, other.ensureQueue),
  };
}
