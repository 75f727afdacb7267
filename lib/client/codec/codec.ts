import type { AmqpMessage } from '../../protocol/index.js';

/** Turns values into data bodies and back, for one content type. */
export interface Codec {
  /**
   * The content type it is for. A string is compared without case and without parameters (`application/json` also reads
   * `application/json; charset=utf-8`); a RegExp is tried on the whole content-type property.
   */
  readonly contentType: string | RegExp;
  /**
   * A thrown error fails the send with an EncodeError.
   *
   * @returns the bytes, and the content type to write when it is not the codec's own string
   */
  encode(value: unknown): { readonly body: Buffer; readonly contentType: string } | Buffer;
  /** A thrown error becomes the DecodeError that the handler's policy gets. */
  decode(body: Buffer, message: AmqpMessage): unknown;
}
