import { BRAND, hasBrand } from './brand.js';

const TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** An AMQP uuid (section 1.6.18): 16 bytes. Two with the same bytes have the same text. */
export class Uuid {
  readonly bytes: Buffer;

  /** @internal */
  get [BRAND](): string {
    return 'Uuid';
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(value, 'Uuid');
  }

  /**
   * @param value 16 bytes, or the usual text of 36 characters
   * @throws {TypeError} when it is neither
   */
  constructor(value: Buffer | string) {
    if (typeof value === 'string') {
      if (!TEXT.test(value)) throw new TypeError('a uuid must have the form 8-4-4-4-12 in hexadecimal digits');
      this.bytes = Buffer.from(value.replaceAll('-', ''), 'hex');
    } else {
      if (value.length !== 16) throw new TypeError(`a uuid must have 16 bytes, received ${value.length}`);
      this.bytes = Buffer.from(value);
    }
  }

  /** The text of 36 characters, in lower case. */
  toString(): string {
    const hex = this.bytes.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  toJSON(): string {
    return this.toString();
  }
}
