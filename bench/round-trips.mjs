// How a measured process calls what it measures: one at a time, or many at once.

import { meter, percentile } from './meter.mjs';

/** `call(index)` one after another; the first `warm` are not measured. */
export async function oneAtATime(call, warm, count) {
  for (let index = 0; index < warm; index += 1) await call(index);
  const times = new Float64Array(count);
  const stop = meter();
  for (let index = 0; index < count; index += 1) {
    const start = process.hrtime.bigint();
    await call(warm + index);
    times[index] = Number(process.hrtime.bigint() - start) / 1e3;
  }
  return { ...stop(count), p50Us: percentile(times, 0.5) };
}

/** `call(index)` for `from` up to `to`, never more than `window` at once. */
export async function manyAtOnce(call, from, to, window) {
  let next = from;
  const run = async () => {
    while (next < to) {
      next += 1;
      await call(next - 1);
    }
  };
  await Promise.all(Array.from({ length: window }, run));
}
