/**
 * So much later than it should may anything be on a machine that has other things to do; what must end in time is given it on top. Where an
 * assertion of this kind keeps its meaning, whatever would end the work otherwise takes longer still.
 */
export const LATE_MS = 2_000;

/** What some work costs of the processor, since others may use the machine too. Unit: milliseconds. */
export async function processorMs(work: () => unknown): Promise<number> {
  const started = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1_000;
}
