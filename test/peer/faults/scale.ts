/** `npm run test:faults` sets it: more rounds of everything. */
export const isWhole = process.env['FAULTS'] === 'whole';

/** The seed of a run: random, printed with every failure, fixed by FAULT_SEED. */
export function seedOfRun(): number {
  const fixed = process.env['FAULT_SEED'];
  return fixed === undefined || fixed === '' ? Math.floor(Math.random() * 0xffff_ffff) : Number(fixed) >>> 0;
}

/** `npm run soak -- --seconds N` sets it. */
export const soakSeconds = (): number => Number(process.env['SOAK_SECONDS'] ?? (isWhole ? 30 : 4));
