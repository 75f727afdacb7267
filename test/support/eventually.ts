const { setTimeout: realSetTimeout, performance: realPerformance } = globalThis;

/**
 * Waits until `probe` neither throws nor answers `false` or `undefined`, and resolves to its answer. It asks at once, then after every few
 * turns of the event loop, ever more rarely. Shorter than Jest's own
 * limit, so that the reason is told. For conditions that have no event; where there is one, await that.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  options: { readonly timeoutMs?: number } = {},
): Promise<Exclude<T, false | undefined>> {
  const { timeoutMs = 4_000 } = options;
  const start = realPerformance.now();
  let last: unknown;
  for (let round = 0; ; round += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- it asks again until the answer is yes
      const answer = await probe();
      last = answer;
      if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>; // compared here
    } catch (error) {
      last = error;
    }
    const elapsed = realPerformance.now() - start;
    if (elapsed > timeoutMs) {
      const reason = last instanceof Error ? last.message : `the last answer was ${String(last)}`;
      throw new Error(`not so within ${timeoutMs} ms: ${what}; ${reason}`, { cause: last });
    }
    // oxlint-disable-next-line no-await-in-loop -- lets the event loop turn between two questions
    await new Promise((resolve) => realSetTimeout(resolve, Math.min(20, round >> 2)));
  }
}
