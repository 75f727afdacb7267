// What this run was asked to do: the command line and AMQP_URI.

/** How the sample runs. */
export interface RunOptions {
  /** A real broker; `undefined`: the embedded one. */
  readonly uri: string | undefined;
  /** Damage to prove that a disagreement is noticed: an order is sent past everything that watches. */
  readonly sabotage: 'unseen-order' | undefined;
}

const usage = 'usage: npm start -- [--sabotage unseen-order]   (AMQP_URI=amqp://... for a real broker)';

/** @throws {Error} an argument that is not known, or a URI that the sample cannot cut */
export function readRunOptions(args: readonly string[], environment: NodeJS.ProcessEnv): RunOptions {
  const [flag, value, ...more] = args;
  if (flag !== undefined && (flag !== '--sabotage' || value !== 'unseen-order' || more.length > 0))
    throw new Error(`cannot run with '${args.join(' ')}'; ${usage}`);
  const uri = environment['AMQP_URI'];
  if (uri !== undefined && !uri.startsWith('amqp://'))
    throw new Error(`AMQP_URI begins with amqp://, for the sample opens the TCP connection itself to cut it; ${usage}`);
  return { uri, sabotage: flag === undefined ? undefined : 'unseen-order' };
}
