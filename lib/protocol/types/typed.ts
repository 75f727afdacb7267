import { BRAND, hasBrand } from './brand.js';

/** The AMQP types a value can be wrapped in, named as in section 1.6. */
export type TypeName =
  | 'ubyte'
  | 'ushort'
  | 'uint'
  | 'ulong'
  | 'byte'
  | 'short'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'symbol'
  | 'timestamp'
  | 'uuid'
  | 'char'
  | 'list'
  | 'map'
  | 'array';

/** A value with the AMQP type it shall have on the wire. Made by `amqp.*`; checked when it is encoded. */
export class Typed {
  /** @internal */
  get [BRAND](): string {
    return 'Typed';
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(value, 'Typed');
  }

  constructor(
    readonly type: TypeName,
    readonly value: unknown,
  ) {}
}

/** A described value (section 1.2): a descriptor (ulong or symbol) and what it describes. */
export class Described {
  /** @internal */
  get [BRAND](): string {
    return 'Described';
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(value, 'Described');
  }

  constructor(
    readonly descriptor: number | bigint | string,
    readonly value: unknown,
  ) {}
}

/** A received decimal32, decimal64 or decimal128, kept as its bytes: JavaScript has no such number. Encodes to the same bytes. */
export class Decimal {
  /** @internal */
  get [BRAND](): string {
    return 'Decimal';
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(value, 'Decimal');
  }

  /** @param bytes 4, 8 or 16 of them (IEEE 754-2008, binary integer decimal, most significant first) */
  constructor(readonly bytes: Buffer) {}
}
