// The selector language of JMS, a part of SQL-92: tokens -> an expression.

import { SelectorError, type Token, tokensOf } from './tokens.js';
import { and, calculate, compare, type Comparison, type Expression, isLike, likePattern, not, or } from './values.js';

const COMPARISONS: readonly Comparison[] = ['=', '<>', '<', '<=', '>', '>='];
const MAX_DEPTH = 100;

/**
 * A message matches when the expression gives `true` for it.
 *
 * @throws {SelectorError} with what is wrong and where
 */
export function parseSelector(text: string): Expression {
  const parser = new Parser(tokensOf(text));
  return parser.whole();
}

class Parser {
  #next = 0;
  #depth = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  whole(): Expression {
    const expression = this.#or();
    if (this.#peek().kind !== 'end') throw this.#unexpected('the end');
    return expression;
  }

  #or(): Expression {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new SelectorError(`a selector is at most ${MAX_DEPTH} levels deep`);
    let left = this.#and();
    while (this.#take('keyword', 'OR')) {
      const [first, second] = [left, this.#and()];
      left = (lookup) => or(first(lookup), second(lookup));
    }
    this.#depth -= 1;
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#take('keyword', 'AND')) {
      const [first, second] = [left, this.#not()];
      left = (lookup) => and(first(lookup), second(lookup));
    }
    return left;
  }

  #not(): Expression {
    let negations = 0;
    while (this.#take('keyword', 'NOT')) negations += 1;
    const inner = this.#condition();
    if (negations === 0) return inner;
    return negations % 2 === 1 ? (lookup) => not(inner(lookup)) : (lookup) => not(not(inner(lookup)));
  }

  #condition(): Expression {
    const left = this.#sum();
    const operator = COMPARISONS.find((candidate) => this.#take('symbol', candidate));
    if (operator !== undefined) {
      const right = this.#sum();
      return (lookup) => compare(left(lookup), operator, right(lookup));
    }
    if (this.#take('keyword', 'IS')) return this.#isNull(left);
    const isNegated = this.#take('keyword', 'NOT');
    const test = this.#test(left);
    if (test === undefined) {
      if (isNegated) throw this.#unexpected('BETWEEN, IN or LIKE');
      return left;
    }
    return isNegated ? (lookup) => not(test(lookup)) : test;
  }

  #isNull(left: Expression): Expression {
    const isNegated = this.#take('keyword', 'NOT');
    this.#expect('keyword', 'NULL');
    return (lookup) => (left(lookup) === undefined) !== isNegated;
  }

  #test(left: Expression): Expression | undefined {
    if (this.#take('keyword', 'BETWEEN')) return this.#between(left);
    if (this.#take('keyword', 'IN')) return this.#in(left);
    if (this.#take('keyword', 'LIKE')) return this.#like(left);
    return undefined;
  }

  #between(left: Expression): Expression {
    const low = this.#sum();
    this.#expect('keyword', 'AND');
    const high = this.#sum();
    return (lookup) => {
      const value = left(lookup);
      return and(compare(value, '>=', low(lookup)), compare(value, '<=', high(lookup)));
    };
  }

  #in(left: Expression): Expression {
    const values = new Set<string>();
    this.#expect('symbol', '(');
    do {
      values.add(this.#string());
    } while (this.#take('symbol', ','));
    this.#expect('symbol', ')');
    return (lookup) => {
      const value = left(lookup);
      return value === undefined ? undefined : typeof value === 'string' && values.has(value);
    };
  }

  #like(left: Expression): Expression {
    const text = this.#string();
    const escape = this.#take('keyword', 'ESCAPE') ? this.#string() : undefined;
    if (escape !== undefined && Array.from(escape).length !== 1)
      throw new SelectorError('ESCAPE takes a single character');
    const pattern = likePattern(text, escape);
    return (lookup) => {
      const value = left(lookup);
      return value === undefined ? undefined : typeof value === 'string' && isLike(value, pattern);
    };
  }

  #sum(): Expression {
    return this.#operation(['+', '-'], () => this.#operation(['*', '/'], () => this.#factor()));
  }

  #operation(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    for (;;) {
      const operator = operators.find((candidate) => this.#take('symbol', candidate));
      if (operator === undefined) return left;
      const [first, second] = [left, operand()];
      left = (lookup) => calculate(first(lookup), operator, second(lookup));
    }
  }

  #factor(): Expression {
    let isNegative = false;
    for (;;) {
      if (this.#take('symbol', '-')) isNegative = !isNegative;
      else if (!this.#take('symbol', '+')) break;
    }
    const inner = this.#primary();
    return isNegative ? (lookup) => calculate(0, '-', inner(lookup)) : inner;
  }

  #primary(): Expression {
    const token = this.#peek();
    this.#next += 1;
    switch (token.kind) {
      case 'string':
      case 'number':
        return () => token.value;
      case 'name':
        return (lookup) => lookup(token.value);
      case 'keyword':
        if (token.value === 'TRUE' || token.value === 'FALSE') return () => token.value === 'TRUE';
        break;
      case 'symbol':
        if (token.value === '(') {
          const inner = this.#or();
          this.#expect('symbol', ')');
          return inner;
        }
        break;
      case 'end':
        break;
    }
    this.#next -= 1;
    throw this.#unexpected('a value, a name or (');
  }

  #string(): string {
    const token = this.#peek();
    if (token.kind !== 'string') throw this.#unexpected("a string in ''");
    this.#next += 1;
    return token.value;
  }

  #peek(): Token {
    const token = this.tokens[this.#next];
    if (token === undefined) throw new SelectorError('the selector ends too soon');
    return token;
  }

  #take(kind: Token['kind'], value: string): boolean {
    const token = this.#peek();
    if (token.kind !== kind || token.value !== value) return false;
    this.#next += 1;
    return true;
  }

  #expect(kind: Token['kind'], value: string): void {
    if (!this.#take(kind, value)) throw this.#unexpected(value);
  }

  #unexpected(wanted: string): SelectorError {
    const { kind, at } = this.#peek();
    const place = kind === 'end' ? 'at its end' : `at character ${at + 1}`;
    return new SelectorError(`the selector needs ${wanted} ${place}`);
  }
}
