import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Resolves when what nothing holds is gone; what the current turn has made counts as held. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  // true: the flag has just put it there
  const collect = runInNewContext('gc') as () => void;
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  await new Promise((resolve) => setImmediate(resolve));
  collect(); // begins when all that the first one found is free
}
