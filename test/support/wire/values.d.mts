/** A value with its AMQP type said out loud. */
export declare class Typed {
  readonly type: string;
  readonly value: unknown;
  constructor(type: string, value: unknown);
}
/** A described value. The descriptor is a number (ulong), a string (symbol) or any other value. */
export declare class Described {
  readonly descriptor: unknown;
  readonly value: unknown;
  constructor(descriptor: unknown, value: unknown);
}
/** Bytes that go out as they are in the place of a value. */
export declare class Raw {
  readonly bytes: Buffer;
  constructor(bytes: Uint8Array | readonly number[]);
}
export declare const ubyte: (value: number) => Typed;
export declare const ushort: (value: number) => Typed;
export declare const uint: (value: number) => Typed;
export declare const ulong: (value: number | bigint) => Typed;
export declare const byte: (value: number) => Typed;
export declare const short: (value: number) => Typed;
export declare const int: (value: number) => Typed;
export declare const long: (value: number | bigint) => Typed;
export declare const float: (value: number) => Typed;
export declare const double: (value: number) => Typed;
export declare const char: (value: string | number) => Typed;
export declare const timestamp: (value: Date | number | bigint) => Typed;
export declare const uuid: (value: string | Buffer) => Typed;
export declare const binary: (value: Uint8Array) => Typed;
export declare const string: (value: string) => Typed;
export declare const symbol: (value: string) => Typed;
export declare const list: (value: readonly unknown[]) => Typed;
export declare const map: (value: ReadonlyMap<unknown, unknown> | Readonly<Record<string, unknown>>) => Typed;
/** An array of symbols, as capabilities and mechanisms are sent. */
export declare const symbols: (values: readonly string[]) => Typed;
/** One value as bytes. Integers go out as int or long, bigints as ulong (negative: long), objects as maps with string keys. */
export declare function encode(value: unknown): Buffer;
/** A reader over bytes; `exact` keeps the AMQP type of every value (`Typed`), else values come as plain JavaScript. */
export declare class Reader {
  readonly buffer: Buffer;
  position: number;
  constructor(buffer: Buffer, position?: number, end?: number, exact?: boolean);
  readonly done: boolean;
  value(): unknown;
}
/** The first value in the bytes, as plain JavaScript. */
export declare function decode(buffer: Buffer): unknown;
/** The first value in the bytes with the type of each part. */
export declare function decodeExact(buffer: Buffer): Typed | Described;
