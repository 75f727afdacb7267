/**
 * A headers exchange's binding against a message's application properties. `x-match`: `all` (the default), `any`, and the same with `-with-x`, which
 * looks at names that start with `x-` too. A binding value of null only asks for the property to be there.
 */
export function headersMatch(
  wanted: Readonly<Record<string, unknown>>,
  properties: Readonly<Record<string, unknown>>,
): boolean {
  const mode = wanted['x-match'] ?? 'all';
  const withX = mode === 'all-with-x' || mode === 'any-with-x';
  const names = Object.keys(wanted).filter((name) => name !== 'x-match' && (withX || !name.startsWith('x-')));
  const fits = (name: string): boolean =>
    Object.hasOwn(properties, name) && (isAbsent(wanted[name]) || isEqual(wanted[name], properties[name]));
  return mode === 'any' || mode === 'any-with-x' ? names.some(fits) : names.every(fits);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** A long may have come as a number and as a bigint. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (Buffer.isBuffer(a) && Buffer.isBuffer(b)) return a.equals(b);
  return typeof a === typeof b ? a === b : isNumeric(a) && isNumeric(b) && Number(a) === Number(b);
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}
