import { Typed, type TypeName } from './typed.js';

const as =
  (type: TypeName) =>
  (value: unknown): Typed =>
    new Typed(type, value);

/**
 * Says the AMQP type of a value where JavaScript cannot: `amqp.ulong(1n)`, `amqp.symbol('x')`, `amqp.char('x')`. Ranges and
 * kinds are checked when the value is encoded. Integers take a number or a bigint, `timestamp` a Date or milliseconds,
 * `uuid` a text or 16 bytes, `array` a list of values of one type, `map` an object or a Map.
 */
export const amqp: Readonly<Record<TypeName, (value: unknown) => Typed>> = Object.freeze({
  ubyte: as('ubyte'),
  ushort: as('ushort'),
  uint: as('uint'),
  ulong: as('ulong'),
  byte: as('byte'),
  short: as('short'),
  int: as('int'),
  long: as('long'),
  float: as('float'),
  double: as('double'),
  symbol: as('symbol'),
  timestamp: as('timestamp'),
  uuid: as('uuid'),
  char: as('char'),
  list: as('list'),
  map: as('map'),
  array: as('array'),
});
