// Requests and answers of `/management`.

import type { BrokerConnection } from '../link/broker-connection.js';

export interface HttpRequest {
  /** `GET`, `PUT`, `POST`, `DELETE`. */
  readonly method: string;
  readonly target: string;
  /** Decoded segments. */
  readonly path: readonly string[];
  readonly query: ReadonlyMap<string, string>;
  readonly body: unknown;
  readonly connection: BrokerConnection;
}

export interface HttpResponse {
  readonly status: number;
  readonly body: unknown;
}

/** Ends a request with this status; the message is the answer's body. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export const NO_CONTENT: HttpResponse = { status: 204, body: null };

export function methodNotAllowed({ method, target }: HttpRequest): HttpProblem {
  return new HttpProblem(405, `${method} is not possible at ${target}`);
}

/** The body's fields; absent and null are an empty map. @throws {HttpProblem} 400 */
export function bodyFields(body: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (body === undefined || body === null) return {};
  if (typeof body !== 'object' || Array.isArray(body) || Buffer.isBuffer(body) || body instanceof Map) {
    throw new HttpProblem(400, 'the body is not a map with names for keys');
  }
  const unknown = Object.keys(body).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new HttpProblem(400, `the body has an unknown field '${unknown}'`);
  // True: neither null nor one of the other kinds of object that a value can decode to.
  return body as Readonly<Record<string, unknown>>;
}

/** @throws {HttpProblem} 400 */
export function flag(fields: Readonly<Record<string, unknown>>, name: string, fallback: boolean): boolean {
  const value = fields[name] ?? fallback;
  if (typeof value !== 'boolean') throw new HttpProblem(400, `'${name}' is not a boolean`);
  return value;
}

/** @throws {HttpProblem} 400 */
export function text(fields: Readonly<Record<string, unknown>>, name: string, fallback?: string): string {
  const value = fields[name] ?? fallback;
  if (typeof value !== 'string') throw new HttpProblem(400, `'${name}' is not a string`);
  return value;
}

/** A map of arguments. @throws {HttpProblem} 400 */
export function argumentsOf(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const value = fields['arguments'] ?? {};
  if (typeof value !== 'object' || Array.isArray(value) || Buffer.isBuffer(value) || value instanceof Map) {
    throw new HttpProblem(400, "'arguments' is not a map with names for keys");
  }
  return { ...value };
}
