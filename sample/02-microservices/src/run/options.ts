// What this run was asked to do: the command line and AMQP_URI.

/** How the sample runs. */
export interface RunOptions {
  /** A real broker; `undefined`: the embedded one. */
  readonly uri: string | undefined;
  /** Damage to prove that a wrong answer is noticed. */
  readonly sabotage: 'wrong-price' | undefined;
}

const usage = 'usage: npm start -- [--sabotage wrong-price]   (AMQP_URI=amqp://... for a real broker)';

/** @throws {Error} an argument that is not known */
export function readRunOptions(args: readonly string[], environment: NodeJS.ProcessEnv): RunOptions {
  const [flag, value, ...more] = args;
  if (flag !== undefined && (flag !== '--sabotage' || value !== 'wrong-price' || more.length > 0))
    throw new Error(`cannot run with '${args.join(' ')}'; ${usage}`);
  if (environment['AMQP_URI'] === '') throw new Error(`AMQP_URI is set and empty; ${usage}`);
  return { uri: environment['AMQP_URI'], sabotage: flag === undefined ? undefined : 'wrong-price' };
}
