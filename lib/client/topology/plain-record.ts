// Reading what a management answered, whatever it is.

import { isDeepStrictEqual } from 'node:util';

/** Empty for what is no map. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  // True: an object that is no array may be read by name.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

export function field(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name) ? Reflect.get(body, name) : undefined;
}

/** 0 for what is no number. */
export function count(body: unknown, name: string): number {
  const value = field(body, name);
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' || typeof number === 'bigint' ? Number(number) || 0 : 0;
}

/** A number may come back wider than it went. */
export function isSame(left: unknown, right: unknown): boolean {
  if (typeof left === 'bigint' || typeof right === 'bigint') return Number(left) === Number(right);
  return isDeepStrictEqual(left, right);
}

/** The first of the wanted fields that stands otherwise, in words; `undefined`: all stand. */
export function firstDifference(
  wanted: Readonly<Record<string, unknown>>,
  stands: (name: string) => unknown,
): string | undefined {
  for (const [name, value] of Object.entries(wanted)) {
    const found = stands(name);
    if (!isSame(found, value)) return `${name} is ${show(found)}, asked was ${show(value)}`;
  }
  return undefined;
}

function show(value: unknown): string {
  if (value === undefined) return 'not set';
  return JSON.stringify(value, (_name, item: unknown) => (typeof item === 'bigint' ? String(item) : item));
}
