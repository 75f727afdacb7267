// A message arriving: maps into objects, without the keys that would reach a prototype.

/** Sets an entry, unless it `endangers`. */
export function put(record: Record<string, unknown>, key: string, value: unknown): void {
  if (!endangers(key, value)) record[key] = value;
}

/** Keys that would reach a prototype, at once or in whatever merges the object later. Such an entry is dropped. */
export function endangers(key: unknown, value: unknown): boolean {
  if (key === '__proto__') return true;
  if (key !== 'constructor' || typeof value !== 'object' || value === null) return false;
  return value instanceof Map ? value.has('prototype') : Object.hasOwn(value, 'prototype');
}
