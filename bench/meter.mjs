/** Starts to measure; what it gives ends it: time of this process's CPU, all threads, and of the clock, per message. */
export function meter() {
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  return (messages) => {
    const clockUs = Number(process.hrtime.bigint() - start) / 1e3;
    const { user, system } = process.cpuUsage(cpu);
    return { cpuUs: (user + system) / messages, perSecond: Math.round((messages / clockUs) * 1e6) };
  };
}

export function percentile(values, share) {
  const sorted = values.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Of one client's results, round by round. `valueOf`: what the row is about. */
export function summary(results, valueOf) {
  const values = results.map(valueOf);
  return {
    value: median(values),
    least: Math.min(...values),
    most: Math.max(...values),
    perSecond: median(results.map(({ perSecond }) => perSecond)),
    rssMiB: median(results.map(({ rssMiB }) => rssMiB)),
  };
}
