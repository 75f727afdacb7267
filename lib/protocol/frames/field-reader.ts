import { DecodeError } from '../errors.js';
import type { Cursor } from '../types/cursor.js';
import { readRecord, readValue } from '../types/decode.js';
import { FramingError } from './framing-error.js';

/**
 * Reads the fields of a performative or another composite type in their order. A field that is null or beyond the end of the
 * list is absent: `undefined`. The names are for errors.
 * @throws {FramingError} a field of the wrong type
 */
export class FieldReader {
  private readonly end: number;
  private left: number;

  /** Opens the list at the cursor. */
  constructor(
    private readonly cursor: Cursor,
    private readonly owner: string,
    most: number,
  ) {
    this.left = cursor.list();
    this.end = cursor.listEnd;
    if (this.left > most)
      throw new FramingError(`${owner} has ${this.left} fields, ${most} are defined`, 'amqp:decode-error');
  }

  uint(name: string, most = 0xffff_ffff): number | undefined {
    const value = this.read(name, () => this.cursor.uint());
    if (value !== undefined && value > most) throw this.invalid(name, `is over ${most}`);
    return value;
  }

  ulong(name: string): number | bigint | undefined {
    return this.read(name, () => this.cursor.ulong());
  }

  bool(name: string): boolean | undefined {
    return this.read(name, () => this.cursor.bool());
  }

  string(name: string): string | undefined {
    return this.read(name, () => this.cursor.string());
  }

  binary(name: string): Buffer | undefined {
    return this.read(name, () => this.cursor.ownedBinary());
  }

  /** A map whose keys are symbols; strings and numbers are taken too. */
  map(name: string): Record<string, unknown> | undefined {
    return this.read(name, () => readRecord(this.cursor, 'text or number'));
  }

  /** Several symbols: an array, a list, or a single one (section 1.4: a field of type multiple). */
  symbols(name: string): string[] | undefined {
    const value = this.read(name, () => readValue(this.cursor));
    if (value === undefined || value === null) return undefined;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (!list.every((item) => typeof item === 'string')) throw this.invalid(name, 'holds something that is no symbol');
    return list;
  }

  /** A number of an enumeration, as its name. */
  choice<Name extends string>(name: string, names: readonly Name[]): Name | undefined {
    const value = this.uint(name);
    if (value === undefined) return undefined;
    const chosen = names[value];
    if (chosen === undefined) throw this.invalid(name, `is ${value}, which means nothing`);
    return chosen;
  }

  /** A nested composite: `read` is called with the cursor at it, unless it is null or absent. */
  composite<T>(name: string, read: (cursor: Cursor) => T): T | undefined {
    return this.read(name, () => (this.cursor.skipNull() ? undefined : read(this.cursor)));
  }

  /** Any value that nobody needs. */
  skip(name: string): void {
    this.read(name, () => readValue(this.cursor));
  }

  /** Ends the list. */
  close(): void {
    if (this.cursor.position !== this.end)
      throw new FramingError(`${this.owner} is not as long as it says`, 'amqp:decode-error');
  }

  /** @throws {FramingError} the field is absent */
  required<T>(name: string, value: T | undefined): T {
    if (value === undefined) throw this.invalid(name, 'is mandatory and absent');
    return value;
  }

  invalid(name: string, reason: string): FramingError {
    return new FramingError(`${this.owner}: ${name} ${reason}`, 'amqp:invalid-field');
  }

  private read<T>(name: string, read: () => T): T | undefined {
    if (this.left === 0) return undefined;
    this.left--;
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw new FramingError(`${this.owner}: ${name}: ${error.message}`, 'amqp:decode-error');
    }
  }
}
