// A message leaving: where in a value an encoding failed.

import { EncodingFailure } from '../errors.js';

/** Runs `action`, a part of writing a larger value; a failure inside it says where it stood. */
export function at<T>(step: string | number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw failureAt(step, error);
  }
}

/** The failure as seen from one level further out. */
export function failureAt(step: string | number, error: unknown): EncodingFailure {
  const name = typeof step === 'number' ? `[${step}]` : step.slice(0, 64);
  const { reason, path, cause } = asFailure(error);
  const options = cause === undefined ? undefined : { cause };
  const whole = path === '' || path.startsWith('[') ? name + path : `${name}.${path}`;
  return new EncodingFailure(reason, whole, options);
}

/** What a getter of the user threw is a failure to encode, too. */
export function asFailure(error: unknown): EncodingFailure {
  if (error instanceof EncodingFailure) return error;
  return new EncodingFailure('it threw an error of its own when it was read', '', { cause: error });
}
