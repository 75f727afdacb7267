import type { SendOptions } from '../client/index.js';

// Symbol.for: a record of one copy (ESM or CommonJS) is known to the other.
const BRAND = Symbol.for('nestjs-amqp10:record');

/** A payload with the options it is sent with; made by {@link AmqpRecordBuilder}. */
export class AmqpRecord<T = unknown> {
  /** @internal */
  readonly [BRAND] = true;

  constructor(
    readonly data: T,
    readonly options: SendOptions = {},
  ) {}
}

/** Puts options beside a payload: `client.send(pattern, new AmqpRecordBuilder(data).setOptions({ priority: 5 }).build())`. */
export class AmqpRecordBuilder<T> {
  private options: SendOptions = {};

  constructor(private data?: T) {}

  /** The payload, in place of the constructor's. */
  setData(data: T): this {
    this.data = data;
    return this;
  }

  /** In place of those set before. */
  setOptions(options: SendOptions): this {
    this.options = options;
    return this;
  }

  /** May be called again; each record keeps what was set when it was built. */
  build(): AmqpRecord<T> {
    // true: whoever left the data out has chosen a T that allows it
    return new AmqpRecord(this.data as T, this.options);
  }
}

/** Data and options of a record, or the value itself without any. */
export function recordParts(value: unknown): { readonly data: unknown; readonly options: SendOptions } {
  const isRecord = typeof value === 'object' && value !== null && Reflect.get(value, BRAND) === true;
  // true: only AmqpRecord, of whichever copy, has the brand
  return isRecord ? (value as AmqpRecord) : { data: value, options: {} };
}
