// A message leaving: values that hold no other values, each in the shortest form of its type, or in the form an array needs.

import type { ByteWriter } from './byte-writer.js';
import {
  anyNumber,
  anyString,
  binaryBytes,
  character,
  checkWellFormed,
  floatNumber,
  integer,
  milliseconds,
  symbolText,
  uuidBytes,
  wideInteger,
} from './scalar-checks.js';
import type { TypeName } from './typed.js';
import { textSize, writeText } from './write-text.js';

/** Types whose values hold no other values; boolean and binary have no wrapper. */
export type ScalarType = Exclude<TypeName, 'list' | 'map' | 'array'> | 'boolean' | 'binary' | 'string' | 'null';

/** The type code of each item of an array of this type. */
export const ARRAY_CODE: Readonly<Record<ScalarType, number>> = Object.freeze({
  null: 0x40,
  boolean: 0x56,
  ubyte: 0x50,
  ushort: 0x60,
  uint: 0x70,
  ulong: 0x80,
  byte: 0x51,
  short: 0x61,
  int: 0x71,
  long: 0x81,
  float: 0x72,
  double: 0x82,
  char: 0x73,
  timestamp: 0x83,
  uuid: 0x98,
  binary: 0xb0,
  string: 0xb1,
  symbol: 0xb3,
});

/** Type code and value, as short as the type allows. */
export function writeScalar(out: ByteWriter, type: ScalarType, value: unknown): void {
  switch (type) {
    case 'uint': {
      const number = integer(value, 'uint', 0, 0xffff_ffff);
      if (number > 255) return writeWide(out, type, number);
      if (number === 0) return out.u8(0x43);
      out.u8(0x52);
      return out.u8(number);
    }
    case 'ulong': {
      const number = wideInteger(value, 'ulong', 0n, 0xffff_ffff_ffff_ffffn);
      if (number > 255) return writeWide(out, type, number);
      if (number == 0) return out.u8(0x44);
      out.u8(0x53);
      return out.u8(Number(number));
    }
    case 'int': {
      const number = integer(value, 'int', -0x8000_0000, 0x7fff_ffff);
      if (number < -128 || number > 127) return writeWide(out, type, number);
      out.u8(0x54);
      return out.u8(number & 255);
    }
    case 'long': {
      const number = wideInteger(value, 'long', -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn);
      if (number < -128 || number > 127) return writeWide(out, type, number);
      out.u8(0x55);
      return out.u8(Number(number) & 255);
    }
    case 'boolean':
      return out.u8(value === true ? 0x41 : 0x42);
    case 'string':
      return writeShort(out, anyString(value, 'string'), 0xa1);
    case 'symbol':
      return writeShort(out, anyString(value, 'symbol'), 0xa3);
    case 'binary': {
      const bytes = binaryBytes(value);
      if (bytes.length > 255) return writeWide(out, type, bytes);
      out.u8(0xa0);
      out.u8(bytes.length);
      return out.bytes(bytes);
    }
    case 'null':
    case 'ubyte':
    case 'ushort':
    case 'byte':
    case 'short':
    case 'float':
    case 'double':
    case 'char':
    case 'timestamp':
    case 'uuid':
      return writeWide(out, type, value);
  }
}

function writeWide(out: ByteWriter, type: ScalarType, value: unknown): void {
  out.u8(ARRAY_CODE[type]);
  writeItem(out, type, value);
}

/** The value without its type code, in the form that `ARRAY_CODE` names. */
export function writeItem(out: ByteWriter, type: ScalarType, value: unknown): void {
  switch (type) {
    case 'null':
      return;
    case 'boolean':
      return out.u8(value === true ? 1 : 0);
    case 'ubyte':
      return out.u8(integer(value, type, 0, 255));
    case 'ushort':
      return out.u16(integer(value, type, 0, 65_535));
    case 'uint':
      return out.u32(integer(value, type, 0, 0xffff_ffff));
    case 'ulong':
      return out.u64(wideInteger(value, type, 0n, 0xffff_ffff_ffff_ffffn));
    case 'byte':
      return out.u8(integer(value, type, -128, 127) & 255);
    case 'short':
      return out.u16(integer(value, type, -32_768, 32_767));
    case 'int':
      return out.u32(integer(value, type, -0x8000_0000, 0x7fff_ffff));
    case 'long':
      return out.u64(wideInteger(value, type, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn));
    case 'float':
      return out.f32(floatNumber(value));
    case 'double':
      return out.f64(anyNumber(value, type));
    case 'char':
      return out.u32(character(value));
    case 'timestamp':
      return out.u64(milliseconds(value));
    case 'uuid':
      return out.bytes(uuidBytes(value));
    case 'binary': {
      const bytes = binaryBytes(value);
      out.u32(bytes.length);
      return out.bytes(bytes);
    }
    case 'string':
      return writeLongText(out, anyString(value, type));
    case 'symbol':
      return writeLongText(out, symbolText(value));
  }
}

/** The room is made to the byte: a caller who measured a value has no more of it. */
function writeShort(out: ByteWriter, text: string, code: 0xa1 | 0xa3): void {
  out.ensure(textSize(text));
  out.position = writeText(out.buffer, out.position, text, code, '');
}

function writeLongText(out: ByteWriter, text: string): void {
  const length = Buffer.byteLength(text);
  checkWellFormed(text, length);
  out.ensure(length + 4);
  out.u32(length);
  out.position += out.buffer.write(text, out.position);
}
