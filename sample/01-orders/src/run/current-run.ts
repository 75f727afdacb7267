// This process is one run. Decorators need its names when their classes are defined, so it is made while loading.

import type { Channel } from '../input-file.js';
import { readRunOptions, type RunOptions } from './options.js';
import { parkedQueue, queuesOf } from './queues.js';

/** The run of this process. */
export const run: RunOptions & {
  /** Where everybody connects to. */
  readonly connectTo: string;
  readonly brokerName: string;
  readonly parked: string;
  queue(channel: Channel): string;
  /** The message id of a line; the run id keeps it apart from other runs in a dead-letter queue that they share. */
  messageId(lineId: string): string;
} = makeRun(readRunOptions(process.argv.slice(2), process.env));

function makeRun(options: RunOptions): typeof run {
  const brokerName = `orders-${options.runId}`;
  return {
    ...options,
    brokerName,
    connectTo: options.uri ?? `embedded:${brokerName}`,
    parked: parkedQueue(options.runId),
    queue: (channel) => queuesOf(options.runId, 'generic').orders(channel),
    messageId: (lineId) => `${options.runId}.${lineId}`,
  };
}
