// What selector expressions compute: SQL's three-valued logic over strings, numbers and booleans.

/** `undefined`: null or unknown. */
export type Value = string | number | boolean | undefined;

/** Reads a property of the message at hand. */
export type Lookup = (name: string) => Value;

export type Expression = (lookup: Lookup) => Value;

export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';

/** Values of different kinds are never equal; what has no order is not less or greater. */
export function compare(left: Value, operator: Comparison, right: Value): Value {
  if (left === undefined || right === undefined) return undefined;
  if (typeof left !== typeof right) return false;
  if (operator === '=') return left === right;
  if (operator === '<>') return left !== right;
  if (typeof left !== 'number' || typeof right !== 'number') return false;
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
  }
}

export function calculate(left: Value, operator: string, right: Value): Value {
  if (typeof left !== 'number' || typeof right !== 'number') return undefined;
  if (operator === '+') return left + right;
  if (operator === '-') return left - right;
  if (operator === '*') return left * right;
  return right === 0 ? undefined : left / right;
}

export function and(left: Value, right: Value): Value {
  if (left === false || right === false) return false;
  return left === true && right === true ? true : undefined;
}

export function or(left: Value, right: Value): Value {
  if (left === true || right === true) return true;
  return left === false && right === false ? false : undefined;
}

export function not(value: Value): Value {
  return typeof value === 'boolean' ? !value : undefined;
}

/** One character of a LIKE pattern. */
export type PatternPart =
  { readonly kind: 'any' } | { readonly kind: 'one' } | { readonly kind: 'is'; readonly character: string };

/** `%` is any text, `_` any character; `escape` takes the meaning from the next one. */
export function likePattern(pattern: string, escape: string | undefined): readonly PatternPart[] {
  const parts: PatternPart[] = [];
  let isEscaped = false;
  for (const character of pattern) {
    if (!isEscaped && character === escape) {
      isEscaped = true;
      continue;
    }
    if (!isEscaped && character === '%') parts.push({ kind: 'any' });
    else if (!isEscaped && character === '_') parts.push({ kind: 'one' });
    else parts.push({ kind: 'is', character });
    isEscaped = false;
  }
  return parts;
}

/** Goes back to the last `%` only, so that no pattern takes longer than text times pattern. */
export function isLike(text: string, pattern: readonly PatternPart[]): boolean {
  const characters = Array.from(text);
  let at = 0;
  let part = 0;
  let lastAny = -1;
  let resumeAt = 0;
  while (at < characters.length) {
    const wanted = pattern[part];
    if (wanted?.kind === 'any') {
      lastAny = part;
      resumeAt = at;
      part += 1;
    } else if (wanted?.kind === 'one' || (wanted?.kind === 'is' && wanted.character === characters[at])) {
      at += 1;
      part += 1;
    } else if (lastAny >= 0) {
      resumeAt += 1;
      at = resumeAt;
      part = lastAny + 1;
    } else {
      return false;
    }
  }
  return pattern.slice(part).every(({ kind }) => kind === 'any');
}
