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

/** The failure as seen from one level further out. What a getter of the user threw becomes a failure too. */
export function failureAt(step: string | number, error: unknown): EncodingFailure {
  const name = typeof step === 'number' ? `[${step}]` : step.slice(0, 64);
  if (!(error instanceof EncodingFailure))
    return new EncodingFailure('it threw an error of its own when it was read', name, { cause: error });
  const rest = error.path;
  return new EncodingFailure(error.reason, rest === '' ? name : rest.startsWith('[') ? name + rest : `${name}.${rest}`);
}
