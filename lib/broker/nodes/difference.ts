/** The first field in which two declarations of one node differ. */
export interface Difference {
  readonly field: string;
  readonly existing: unknown;
  readonly declared: unknown;
}

/** An absent field is `undefined`; numbers and bigints of one value are equal. */
export function firstDifference(
  existing: Readonly<Record<string, unknown>>,
  declared: Readonly<Record<string, unknown>>,
): Difference | undefined {
  const fields = [...new Set([...Object.keys(existing), ...Object.keys(declared)])];
  const field = fields.find((name) => plainText(existing[name]) !== plainText(declared[name]));
  return field === undefined ? undefined : { field, existing: existing[field], declared: declared[field] };
}

/** A text that tells two values of declarations apart, and a user what they are. */
export function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  return (
    JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? Number(part) : part)) ?? 'undefined'
  );
}
