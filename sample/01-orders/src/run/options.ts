// What this run was asked to do: the command line and AMQP_URI.

import { randomUUID } from 'node:crypto';

/** How the demo runs. */
export interface RunOptions {
  /** Stands in the name of every queue, so that two runs on one broker do not meet. */
  readonly runId: string;
  /** A real broker; `undefined`: the embedded one. */
  readonly uri: string | undefined;
  /** Damage to prove that the balance notices: one order is taken and never written down. */
  readonly sabotage: 'drop-one' | undefined;
}

const usage = 'usage: npm run demo -- [--sabotage drop-one]   (AMQP_URI=amqp://... for a real broker)';

/**
 * Reads the options of this process.
 *
 * @throws {Error} an argument that is not known
 */
export function readRunOptions(args: readonly string[], environment: NodeJS.ProcessEnv): RunOptions {
  const [flag, value, ...more] = args;
  if (flag !== undefined && (flag !== '--sabotage' || value !== 'drop-one' || more.length > 0)) {
    throw new Error(`cannot run with '${args.join(' ')}'; ${usage}`);
  }
  if (environment['AMQP_URI'] === '') throw new Error(`AMQP_URI is set and empty; ${usage}`);
  return {
    runId: randomUUID().slice(0, 8),
    uri: environment['AMQP_URI'],
    sabotage: flag === undefined ? undefined : 'drop-one',
  };
}
