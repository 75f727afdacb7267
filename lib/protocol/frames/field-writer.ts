import { writeDescriptor } from '../types/compound.js';
import { type ByteWriter, writeSymbolMap, writeSymbols } from '../types/encode.js';
import { at } from '../types/failure-path.js';
import { type ScalarType, writeScalar } from '../types/scalars.js';

/** Writes a composite type field by field; absent fields are null, and left out at the end. Call `close` after the last. */
export class FieldWriter {
  private readonly start: number;
  private written = 0;
  /** Fields up to the last one that is present, and where it ends. */
  private count = 0;
  private end: number;

  constructor(
    private readonly out: ByteWriter,
    descriptor: number,
  ) {
    writeDescriptor(out, descriptor);
    out.u8(0xd0);
    this.start = out.position;
    out.u32(0);
    out.u32(0);
    this.end = out.position;
  }

  scalar(name: string, type: ScalarType, value: unknown): this {
    return this.field(name, value, () => writeScalar(this.out, type, value));
  }

  symbols(name: string, value: readonly string[] | undefined): this {
    return this.field(name, value, () => writeSymbols(this.out, value ?? []));
  }

  map(name: string, value: Readonly<Record<string, unknown>> | undefined): this {
    return this.field(name, value, () => writeSymbolMap(this.out, value));
  }

  /** The number of a name in an enumeration. */
  choice<Name extends string>(
    name: string,
    type: 'ubyte' | 'uint',
    value: Name | undefined,
    names: readonly Name[],
  ): this {
    return this.scalar(name, type, value === undefined ? undefined : names.indexOf(value));
  }

  composite(name: string, value: object | undefined, write: (out: ByteWriter) => void): this {
    return this.field(name, value, () => write(this.out));
  }

  close(): void {
    const { out, start, end } = this;
    out.position = end;
    out.buffer.writeUInt32BE(end - start - 4, start);
    out.buffer.writeUInt32BE(this.count, start + 4);
  }

  private field(name: string, value: unknown, write: () => void): this {
    this.written++;
    if (value === undefined || value === null) this.out.u8(0x40);
    else {
      at(name, write);
      this.count = this.written;
      this.end = this.out.position;
    }
    return this;
  }
}
