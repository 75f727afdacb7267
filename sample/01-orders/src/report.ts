// The table at the end.

import type { Balance, Row } from './balance.js';

const columns = [
  ['reason', 'reason'],
  ['lines', 'sent'],
  ['placed', 'accepted: placed'],
  ['skipped', 'accepted: known'],
  ['rejected', 'rejected'],
  ['parked', 'dead-lettered'],
  ['left', 'left'],
  ['wrong', 'lost/wrong'],
  ['failed', 'failed tries'],
] as const satisfies readonly (readonly [keyof Row, string])[];

/** The balance as text, with every problem under it. */
export function report(balance: Balance): string {
  const rows = balance.rows.map((row) => columns.map(([key]) => String(row[key])));
  const total = columns.map(([key]) =>
    key === 'reason' ? 'total' : String(balance.rows.reduce((sum, row) => sum + row[key], 0)),
  );
  const widths = columns.map(([, title], at) =>
    Math.max(title.length, ...[...rows, total].map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ');
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  const shown = balance.problems.slice(0, 20).map((problem) => `  ${problem}`);
  if (balance.problems.length > shown.length) shown.push(`  and ${balance.problems.length - shown.length} more`);
  return [
    line(columns.map(([, title]) => title)),
    rule,
    ...rows.map(line),
    rule,
    line(total),
    '',
    balance.problems.length === 0
      ? 'BALANCED: sent = placed + known + rejected + dead-lettered, line by line'
      : `NOT BALANCED: ${balance.problems.length} problems`,
    ...shown,
    '',
  ].join('\n');
}
