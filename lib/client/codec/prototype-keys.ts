// `{"__proto__": ...}` in a JSON text is an own key after JSON.parse, and changes a prototype as soon as somebody merges it.

/** As JSON may write the names: plain, or with escapes for any of their characters. Not by the flag `i`, which takes half as long again. */
const SUSPECT =
  /"(?:_|\\u005[fF]){2}(?:p|\\u0070)|"(?:c|\\u0063)(?:o|\\u006[fF])(?:n|\\u006[eE])(?:s|\\u0073)(?:t|\\u0074)/;

/**
 * Removes own keys `__proto__`, and `constructor` where its value is an object with a `prototype` key. All other data stays as it
 * is, also values that hold such texts. Only a text that may hold such a key costs a walk.
 *
 * @param json the text that `value` was parsed from
 */
export function dropPrototypeKeys(value: unknown, json: string): unknown {
  if (typeof value !== 'object' || value === null || !mayHold(json)) return value;
  // A list instead of recursion: JSON.parse takes texts nested deeper than the stack.
  const open: object[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (!Array.isArray(next)) clean(next);
    for (const member of Object.values(next)) if (typeof member === 'object' && member !== null) open.push(member);
  }
  return value;
}

/** Both names need these five letters, unless some are written as numbers. A search for plain text takes a tenth of the expression's time. */
function mayHold(json: string): boolean {
  return (json.includes('proto') || json.includes('\\')) && SUSPECT.test(json);
}

function clean(record: object): void {
  if (Object.hasOwn(record, '__proto__')) Reflect.deleteProperty(record, '__proto__');
  const own: unknown = Object.hasOwn(record, 'constructor') ? Reflect.get(record, 'constructor') : undefined;
  if (typeof own === 'object' && own !== null && Object.hasOwn(own, 'prototype'))
    Reflect.deleteProperty(record, 'constructor');
}
