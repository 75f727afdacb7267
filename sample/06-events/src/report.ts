// The table at the end.

/** One thing that was sent or done, what it had to come to, and what it came to. */
export interface Row {
  readonly what: string;
  readonly expected: string;
  readonly arrived: string;
}

export function isAsExpected({ expected, arrived }: Row): boolean {
  return expected === arrived;
}

export function report(rows: readonly Row[]): string {
  const cells = rows.map((row) => [row.what, row.arrived, isAsExpected(row) ? 'ok' : `EXPECTED ${row.expected}`]);
  const table = [['what', 'what became of it', ''], ...cells];
  const widths = [0, 1].map((column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  const lines = table.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const wrong = rows.filter((row) => !isAsExpected(row)).length;
  const sum = wrong === 0 ? `all ${rows.length} as expected` : `${wrong} of ${rows.length} NOT as expected`;
  return `${[...lines, '', sum].join('\n')}\n`;
}
