// Selector text -> tokens.

/** A selector that cannot be. The message says where. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}

export type Token =
  | { readonly kind: 'string'; readonly value: string; readonly at: number }
  | { readonly kind: 'number'; readonly value: number; readonly at: number }
  /** `value` as written. */
  | { readonly kind: 'name'; readonly value: string; readonly at: number }
  /** In capitals. */
  | { readonly kind: 'keyword'; readonly value: string; readonly at: number }
  | { readonly kind: 'symbol'; readonly value: string; readonly at: number }
  | { readonly kind: 'end'; readonly value: ''; readonly at: number };

const KEYWORDS = new Set(['AND', 'OR', 'NOT', 'BETWEEN', 'IN', 'LIKE', 'ESCAPE', 'IS', 'NULL', 'TRUE', 'FALSE']);
const MAX_LENGTH = 10_000;

const SPACE = /\s+/uy;
const STRING = /'((?:[^']|'')*)'/uy;
const QUOTED_NAME = /"((?:[^"]|"")+)"/uy;
const NUMBER = /(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[lLdDfF]?/uy;
const NAME = /[\p{L}_$][\p{L}\p{Nd}_$.]*/uy;
const SYMBOL = /<>|<=|>=|[=<>+\-*/(),]/uy;

/** @throws {SelectorError} */
export function tokensOf(text: string): readonly Token[] {
  if (text.length > MAX_LENGTH) throw new SelectorError(`a selector has at most ${MAX_LENGTH} characters`);
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const space = match(SPACE, text, at);
    if (space !== undefined) {
      at += space[0].length;
      continue;
    }
    const [token, length] = tokenAt(text, at);
    tokens.push(token);
    at += length;
  }
  tokens.push({ kind: 'end', value: '', at });
  return tokens;
}

function tokenAt(text: string, at: number): readonly [Token, number] {
  const string = match(STRING, text, at);
  if (string !== undefined) {
    return [{ kind: 'string', value: (string[1] ?? '').replaceAll("''", "'"), at }, string[0].length];
  }
  const quoted = match(QUOTED_NAME, text, at);
  if (quoted !== undefined) {
    return [{ kind: 'name', value: (quoted[1] ?? '').replaceAll('""', '"'), at }, quoted[0].length];
  }
  const number = match(NUMBER, text, at);
  if (number !== undefined) return [{ kind: 'number', value: numberOf(number[0]), at }, number[0].length];
  const name = match(NAME, text, at);
  if (name !== undefined) {
    const capitals = name[0].toUpperCase();
    const token: Token = KEYWORDS.has(capitals)
      ? { kind: 'keyword', value: capitals, at }
      : { kind: 'name', value: name[0], at };
    return [token, name[0].length];
  }
  const symbol = match(SYMBOL, text, at);
  if (symbol !== undefined) return [{ kind: 'symbol', value: symbol[0], at }, symbol[0].length];
  throw new SelectorError(`the selector has something it cannot have at character ${at + 1}`);
}

/** A hexadecimal number's last digits may be d and f. */
function numberOf(text: string): number {
  return Number(/^0x/iu.test(text) ? text.replace(/l$/iu, '') : text.replace(/[ldf]$/iu, ''));
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}
