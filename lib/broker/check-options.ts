// Small checkers for the broker's options. Each throws InvalidOptionsError with the option's path.

import { InvalidOptionsError } from '../protocol/acceptor/index.js';

export function objectOption(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidOptionsError(path, 'an object', value);
  }
  // True: neither null nor an array; every field is looked at before it is used.
  return value as Readonly<Record<string, unknown>>;
}

/** @param prefix stands in front of a name in the error: `queues[0].` */
export function checkNames(given: Readonly<Record<string, unknown>>, names: readonly string[], prefix: string): void {
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const expected = `left out: there is no such option, known are ${names.join(', ')}`;
  throw new InvalidOptionsError(`${prefix}${unknown}`, expected, given[unknown], 'secret');
}

export function textOption(value: unknown, path: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw new InvalidOptionsError(path, 'a string that is not empty', value);
}

export function booleanOption(value: unknown, path: string, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw new InvalidOptionsError(path, 'true or false', value);
}

export function wholeOption<Default>(
  value: unknown,
  path: string,
  min: number,
  max: number,
  fallback: Default,
): number | Default {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new InvalidOptionsError(path, `a whole number from ${min} to ${max}`, value);
}

export function listOption(value: unknown, path: string): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw new InvalidOptionsError(path, 'an array', value);
}
