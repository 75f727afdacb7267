// What a field of a message may hold. Shared by the options of a send and the sections of a message made by hand.

import { InvalidOptionsError, Uuid } from '../../protocol/index.js';
import { joinPath } from '../options/check.js';

/** What is expected, in words that go on after "must be", and whether a value is that. */
export type FieldCheck = readonly [expected: string, fits: (value: unknown) => boolean];

const MAX_UINT = 4_294_967_295;

export const TEXT: FieldCheck = ['a string', (value) => typeof value === 'string'];
export const ID: FieldCheck = [
  'a string, bigint, Buffer or Uuid',
  (value) =>
    typeof value === 'string' ||
    (typeof value === 'bigint' && value >= 0n && value < 2n ** 64n) ||
    Buffer.isBuffer(value) ||
    value instanceof Uuid,
];
export const RECORD: FieldCheck = [
  'a plain object',
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array),
];
export const YES_OR_NO: FieldCheck = ['true or false', (value) => typeof value === 'boolean'];
export const DATE: FieldCheck = ['a valid Date', (value) => value instanceof Date && !Number.isNaN(value.getTime())];
export const BYTES: FieldCheck = ['a Buffer', (value) => value instanceof Uint8Array];
export const whole = (min: number, max: number): FieldCheck => [
  `a whole number from ${min} to ${max}`,
  (value) => typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max,
];
export const UBYTE = whole(0, 255);
export const UINT = whole(0, MAX_UINT);

/**
 * Every name of `value` is known, and what it holds fits; only looks at what is there.
 *
 * @throws InvalidOptionsError
 */
export function checkFields(value: object, path: string, checks: ReadonlyMap<string, FieldCheck>): void {
  for (const name in value) {
    const field: unknown = Reflect.get(value, name);
    if (field === undefined) continue;
    const check = checks.get(name);
    if (check === undefined) {
      const known = [...checks.keys()].toSorted().join(', ');
      const expected = `left out: there is no such option, known are ${known}`;
      throw new InvalidOptionsError(joinPath(path, name), expected, field, 'secret');
    }
    if (!check[1](field)) throw new InvalidOptionsError(joinPath(path, name), check[0], field);
  }
}
