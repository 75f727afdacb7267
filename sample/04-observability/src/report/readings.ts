import { withoutRun } from '../run/current-run.js';
import type { Reading } from '../run/story.js';
import { table } from './table.js';

export function healthTable(readings: readonly Reading[]): string {
  const rows = readings.flatMap(({ when, ready, live, reasons }) => [
    [when, String(ready), String(live), withoutRun(reasons[0] ?? '')],
    ...reasons.slice(1).map((reason) => ['', '', '', withoutRun(reason)]),
  ]);
  return table([['when', 'ready', 'live', 'reasons'], ...rows]);
}
