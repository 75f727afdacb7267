// Small checkers for options. Each takes the value and the option's full path; each throws InvalidOptionsError.

import { InvalidOptionsError } from '../../protocol/index.js';

/** The longest delay a timer of Node takes. */
export const MAX_TIMER_MS = 2_147_483_647;

/** `path` and `name` joined by a dot; an empty path is the top. */
export function joinPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** An options object as a record, when every name in it is one of `names`. `undefined` is an empty object. */
export function checkObject(value: unknown, path: string, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (value === undefined) return {};
  const place = path === '' ? 'options' : path;
  if (!isPlainObject(value)) throw new InvalidOptionsError(place, 'an object of options', value);
  for (const name of Object.keys(value)) {
    if (names.includes(name)) continue;
    throw new InvalidOptionsError(
      joinPath(path, name),
      `left out: ${noSuchOption(name, names)}`,
      value[name],
      'secret',
    );
  }
  return value;
}

/** A whole number in a range; `undefined` gives the default. */
export function checkWhole<Default>(
  value: unknown,
  path: string,
  range: { readonly min: number; readonly max: number; readonly default: Default; readonly infinity?: true },
): number | Default {
  if (value === undefined) return range.default;
  if (range.infinity === true && value === Infinity) return Infinity;
  if (typeof value === 'number' && Number.isInteger(value) && value >= range.min && value <= range.max) return value;
  const or = range.infinity === true ? ', or Infinity' : '';
  throw new InvalidOptionsError(path, `a whole number from ${range.min} to ${range.max}${or}`, value);
}

/** A duration in milliseconds that a timer can take. */
export function checkMs<Default>(
  value: unknown,
  path: string,
  range: { readonly min?: number; readonly default: Default; readonly infinity?: true },
): number | Default {
  return checkWhole(value, path, { min: range.min ?? 0, max: MAX_TIMER_MS, ...range });
}

/** One of the listed words; `undefined` gives the default. */
export function checkOneOf<Choice extends string, Default>(
  value: unknown,
  path: string,
  choices: readonly Choice[],
  fallback: Default,
): Choice | Default {
  if (value === undefined) return fallback;
  const choice = choices.find((candidate) => candidate === value);
  if (choice !== undefined) return choice;
  throw new InvalidOptionsError(path, `one of ${choices.map((word) => `'${word}'`).join(', ')}`, value);
}

/** `true` or `false`; `undefined` gives the default. */
export function checkBoolean<Default>(value: unknown, path: string, fallback: Default): boolean | Default {
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw new InvalidOptionsError(path, 'true or false', value);
}

/** A string that is not empty; `undefined` stays `undefined`. */
export function checkText(value: unknown, path: string, secret?: 'secret'): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw new InvalidOptionsError(path, 'a string that is not empty', value, secret);
}

/** A list of strings that are not empty; `undefined` stays `undefined`. */
export function checkTexts(value: unknown, path: string): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw new InvalidOptionsError(path, 'an array of strings', value);
  value.forEach((item: unknown, index) => {
    if (typeof item !== 'string' || item === '')
      throw new InvalidOptionsError(`${path}[${index}]`, 'a string that is not empty', item);
  });
  // True: each item was seen to be a string.
  return value as readonly string[];
}

/** A function; `undefined` stays `undefined`. The cast of its type is the caller's, who named it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the type, as with a cast
export function checkFunction<Fn>(value: unknown, path: string): Fn | undefined {
  if (value === undefined) return undefined;
  // True as far as a running program can see: parameters and results show only when it is called.
  if (typeof value === 'function') return value as Fn;
  throw new InvalidOptionsError(path, 'a function', value);
}

/** A function, which may not be left out. The cast of its type is the caller's, who named it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the type, as with a cast
export function checkGivenFunction<Fn>(value: unknown, path: string): Fn {
  const checked = checkFunction<Fn>(value, path);
  if (checked !== undefined) return checked;
  throw new InvalidOptionsError(path, 'a function', value);
}

/** An object with these methods; `undefined` stays `undefined`. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the type, as with a cast
export function checkMethods<Shape>(value: unknown, path: string, methods: readonly string[]): Shape | undefined {
  if (value === undefined) return undefined;
  const fits =
    typeof value === 'object' &&
    value !== null &&
    methods.every((method) => typeof Reflect.get(value, method) === 'function');
  // True: all methods that are called are there.
  if (fits) return value as Shape;
  throw new InvalidOptionsError(path, `an object with the methods ${methods.join(', ')}`, value);
}

/** @throws InvalidOptionsError unless it is an AbortSignal or left out */
export function checkSignal(value: unknown, path: string): AbortSignal | undefined {
  if (value === undefined) return undefined;
  const isSignal = typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value;
  if (!isSignal) throw new InvalidOptionsError(path, 'an AbortSignal', value);
  // True as far as it matters: an AbortSignal of another realm or a polyfill has the same members.
  return value as unknown as AbortSignal;
}

/** A map with string keys; `undefined` stays `undefined`. */
export function checkRecord(value: unknown, path: string): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined) return undefined;
  if (isPlainObject(value)) return value;
  throw new InvalidOptionsError(path, 'a plain object', value);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

function noSuchOption(name: string, names: readonly string[]): string {
  const near = names.find((candidate) => distance(name.toLowerCase(), candidate.toLowerCase()) <= 2);
  if (near !== undefined) return `there is no such option, did you mean '${near}'?`;
  return `there is no such option, known are ${[...names].toSorted().join(', ')}`;
}

/** Levenshtein's, good enough for names of options. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
