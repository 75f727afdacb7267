// What we tell a peer in confidence, and the one place where it is taken out again of what the peer says. Whatever a peer sends that may
// end up in an error, a log line or an event passes here first: what ends connections, sessions, links and deliveries, its OPEN, the
// trace of its frames.

import { Described } from './types/typed.js';

const MASK = '***';
/** More than a connection has at a time; what was renewed is forgotten in the end. */
const MOST_KEPT = 16;
/** What a program acts on is changed only for secrets of this length: a short one may well be a part of a host's or a product's name. */
const MIN_UNMISTAKABLE = 12;
/** Deeper than any peer nests what it says of a failure. */
const MAX_DEPTH = 8;

/** What a peer may say of a failure. */
interface PeerWords {
  readonly condition?: string | undefined;
  readonly description?: string | undefined;
  readonly info?: Record<string, unknown> | undefined;
}

/** The secrets of one connection, over all its attempts. An inspection of it shows none of them. */
export class Secrets {
  /** In the order in which they were told. */
  readonly #told = new Set<string>();
  /** All of them in every form that a peer might repeat, the longest first: one may be a part of another. */
  #forms: readonly string[] = [];

  constructor(secrets: readonly string[] = []) {
    for (const secret of secrets) this.add(secret);
  }

  /** Before it goes to the peer. */
  readonly add = (secret: string): void => {
    if (secret === '') return;
    this.#told.delete(secret);
    this.#told.add(secret);
    const [oldest] = this.#told;
    if (this.#told.size > MOST_KEPT && oldest !== undefined) this.#told.delete(oldest);
    this.#forms = [...new Set([...this.#told].flatMap(formsOf))].toSorted((one, other) => other.length - one.length);
  };

  /** A peer's words, for people. */
  masked(text: string): string {
    return this.#mask(text, 1);
  }

  /** What a program acts on too: a condition, a product's name, a host. */
  maskedFact(text: string): string {
    return this.#mask(text, MIN_UNMISTAKABLE);
  }

  /** What a peer gives as the reason for an end or a refusal. */
  maskedError<Given extends PeerWords>(error: Given): Given {
    if (this.#forms.length === 0) return error;
    const { condition, description, info } = error;
    // Where a redirect leads to is acted on.
    const least = condition?.endsWith(':redirect') === true ? MIN_UNMISTAKABLE : 1;
    return {
      ...error,
      ...(condition !== undefined && { condition: this.maskedFact(condition) }),
      ...(description !== undefined && { description: this.masked(description) }),
      ...(info !== undefined && { info: this.#maskRecord(info, least) }),
    };
  }

  /** The properties of OPEN. */
  maskedFacts(map: Record<string, unknown>): Record<string, unknown> {
    return this.#forms.length === 0 ? map : this.#maskRecord(map, MIN_UNMISTAKABLE);
  }

  #mask(text: string, minLength: number): string {
    let masked = text;
    for (const form of this.#forms) if (form.length >= minLength) masked = masked.replaceAll(form, MASK);
    return masked;
  }

  #maskRecord(map: Record<string, unknown>, minLength: number): Record<string, unknown> {
    // True: a plain object stays one.
    return this.#maskDeep(map, minLength, 0) as Record<string, unknown>;
  }

  #maskDeep(value: unknown, minLength: number, depth: number): unknown {
    if (typeof value === 'string') return this.#mask(value, minLength);
    if (typeof value !== 'object' || value === null) return value;
    if (depth > MAX_DEPTH) return MASK;
    if (Buffer.isBuffer(value)) {
      const text = value.toString('latin1');
      const masked = this.#mask(text, minLength);
      return masked === text ? value : Buffer.from(masked, 'latin1');
    }
    const deeper = (part: unknown): unknown => this.#maskDeep(part, minLength, depth + 1);
    if (value instanceof Described) {
      const { descriptor } = value;
      const name = typeof descriptor === 'string' ? this.#mask(descriptor, minLength) : descriptor;
      return new Described(name, deeper(value.value));
    }
    if (Array.isArray(value)) return value.map(deeper);
    if (value instanceof Map) return new Map(Array.from(value, ([key, item]) => [deeper(key), deeper(item)]));
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    const entries = Object.entries(value);
    return Object.fromEntries(entries.map(([key, item]) => [this.#mask(key, minLength), deeper(item)]));
  }
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  const percentEncoded = encodeURIComponent(bytes.toString('utf8'));
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    percentEncoded,
    base64,
    bytes.toString('base64url'),
    bytes.toString('latin1'),
  ];
}
