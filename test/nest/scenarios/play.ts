import { it } from '@jest/globals';

import { SCENARIOS } from './index.js';
import { type Place, Stage } from './stage.js';

/** One test for each scenario; what cannot be on this peer is skipped with the reason. */
export function playScenarios(place: Place, usualTimeoutMs: number): void {
  for (const scenario of SCENARIOS) {
    const { title, timeoutMs = usualTimeoutMs } = scenario;
    const why = scenario.skip?.(place);
    if (why === undefined) it(title, () => play(scenario.run, place), Math.max(timeoutMs, usualTimeoutMs));
    else it.skip(`${title} (${why})`, () => undefined);
  }
}

async function play(run: (stage: Stage) => Promise<void>, place: Place): Promise<void> {
  const stage = new Stage(place);
  try {
    await run(stage);
  } finally {
    await stage.close();
  }
}
