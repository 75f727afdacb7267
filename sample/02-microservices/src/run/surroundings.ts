// What every process of a run is told by its environment.

/** Where the broker is and what the queues of this run are called. */
export interface Surroundings {
  readonly uri: string;
  readonly queues: { readonly prices: string; readonly stock: string };
  /** Damage to prove that a wrong answer is noticed: the stream's prices are a cent more than they should be. */
  readonly sabotaged: boolean;
}

/** @throws {Error} when the process was not started by `npm start` */
export function surroundings(environment: NodeJS.ProcessEnv = process.env): Surroundings {
  const { AMQP_URI: uri, RUN_ID: runId, SABOTAGE: sabotage } = environment;
  if (uri === undefined || uri === '' || runId === undefined)
    throw new Error('AMQP_URI and RUN_ID are needed; npm start sets them');
  return {
    uri,
    queues: { prices: `prices-${runId}`, stock: `stock-${runId}` },
    sabotaged: sabotage === 'wrong-price',
  };
}
