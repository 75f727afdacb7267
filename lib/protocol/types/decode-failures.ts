import { DecodeError } from '../errors.js';

export function truncated(): DecodeError {
  return new DecodeError('the bytes end in the middle of a value');
}

/** What to throw for a type code that does not fit. */
export function unexpected(expected: string, code: number): DecodeError {
  return new DecodeError(`expected ${expected}, found type code 0x${code.toString(16).padStart(2, '0')}`);
}
