import { charsetOf } from './content-type.js';
import { decodeText, encodeText } from './charset.js';
import { dropPrototypeKeys } from './prototype-keys.js';

const BYTE_ORDER_MARK = 0xfeff;

/**
 * The text of a JSON body.
 *
 * @throws TypeError saying where a value stands that has no JSON form
 */
export function encodeJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    const path = bigintPath(value, '', new Set());
    // The engine's and the value's own words may quote the value.
    if (path === undefined) throw new TypeError('the value has no JSON form: it is circular, or throws', { cause });
    const place = path === '' ? 'the value' : path;
    throw new TypeError(`${place} is a bigint, which has no JSON form; send a string, or a body of type 'value'`, {
      cause,
    });
  }
  if (text === undefined) throw new TypeError(`${typeof value} has no JSON form`);
  return text;
}

/** The same in another charset than UTF-8. */
export function encodeJsonAs(value: unknown, contentType: string): string | Buffer {
  return encodeText(encodeJson(value), charsetOf(contentType));
}

/**
 * The value of a JSON body. Keys that would change a prototype when the value is copied or merged are left out; see
 * {@link dropPrototypeKeys}.
 *
 * @throws TypeError, SyntaxError
 */
export function decodeJson(body: Buffer, contentType: string): unknown {
  return valueOfJson(decodeText(body, charsetOf(contentType)));
}

/** The same of the text. @throws SyntaxError */
export function valueOfJson(text: string): unknown {
  const json = text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
  return dropPrototypeKeys(parse(json), json);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The engine's message quotes the body, which must not reach an error or a log line.
    throw new SyntaxError('the body is not valid JSON');
  }
}

/** Where the first bigint stands, as JSON.stringify walks; `undefined` when there is none. */
function bigintPath(value: unknown, path: string, seen: Set<object>): string | undefined {
  if (typeof value === 'bigint') return path;
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
  seen.add(value);
  for (const [key, member] of Object.entries(value)) {
    const place = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    const found = bigintPath(member, place, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}
