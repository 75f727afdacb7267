// A queue as the user of the embedded broker sees it.

import type { SendOptions } from '../client/index.js';
import { encodeValue, InvalidOptionsError } from '../protocol/acceptor/index.js';
import { checkNames, objectOption } from './check-options.js';
import { MessageContent } from './message/message-content.js';
import { publishedMessage } from './message/published-message.js';
import { type StoredMessage, storedMessage } from './message/stored-message.js';
import type { InjectedFault } from './queue/injected-fault.js';
import type { Queue } from './queue/queue.js';
import type { QueueStats } from './queue/queue-stats.js';

/** One queue of an embedded broker. */
export interface BrokerQueue {
  readonly name: string;
  stats(): QueueStats;
  /** Those that can be delivered, oldest first; each decoded anew. */
  messages(): StoredMessage[];
  /**
   * Puts a message in, as a sender would; faults and limits do not hold it up.
   *
   * @throws {InvalidOptionsError} an unknown option
   */
  publish(value: unknown, options?: SendOptions): void;
  /** Drops what is ready or scheduled; what is unsettled stays. Answers how many. */
  purge(): number;
  /** @throws {InvalidOptionsError} a fault that cannot be */
  inject(fault: InjectedFault): void;
  /** Takes back every fault, `no-credit` above all. */
  clearFaults(): void;
}

const FAULTS: readonly InjectedFault['kind'][] = ['reject', 'release', 'no-credit', 'detach', 'drop-connection'];

export function brokerQueue(queue: Queue): BrokerQueue {
  return {
    name: queue.name,
    stats: () => queue.stats(),
    messages: () => queue.messages().map(storedMessage),
    publish: (value, options) => queue.publish(new MessageContent(publishedMessage(value, options ?? {}))),
    purge: () => queue.purge(),
    inject: (fault) => queue.inject(checkFault(fault)),
    clearFaults: () => queue.clearFaults(),
  };
}

function checkFault(fault: InjectedFault): InjectedFault {
  const given = objectOption(fault, 'fault');
  checkNames(given, ['kind', 'times', 'after', 'condition', 'description', 'info'], 'fault.');
  if (!FAULTS.includes(fault.kind))
    throw new InvalidOptionsError('fault.kind', `one of ${FAULTS.join(', ')}`, fault.kind);
  checkCount(given['times'], 'fault.times', 1);
  checkCount(given['after'], 'fault.after', 0);
  for (const name of ['condition', 'description']) {
    const value = given[name];
    if (value !== undefined && typeof value !== 'string')
      throw new InvalidOptionsError(`fault.${name}`, 'a string', value);
  }
  if (given['info'] !== undefined) checkInfo(given['info']);
  return { ...fault };
}

/** It has to have a form in AMQP: found out here, not on the wire. */
function checkInfo(value: unknown): void {
  const info = objectOption(value, 'fault.info');
  try {
    encodeValue(info);
  } catch {
    throw new InvalidOptionsError('fault.info', 'made of values that AMQP can carry', value);
  }
}

function checkCount(value: unknown, path: string, least: number): void {
  if (value === undefined || value === Infinity) return;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least) return;
  throw new InvalidOptionsError(path, `a whole number from ${least}, or Infinity`, value);
}
