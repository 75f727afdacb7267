// Between values and bodies. A message leaving: value -> body, body type and content type. A message arriving: the reverse.

import type { AmqpMessage, BodyType } from '../../protocol/index.js';
import { charsetOf, essence, isJson } from './content-type.js';
import { decodeText, encodeText, utf8Text } from './charset.js';
import type { Codec } from './codec.js';
import { decodeJson, encodeJson, encodeJsonAs, valueOfJson } from './json.codec.js';

const JSON_TYPE = 'application/json';
const TEXT_TYPE = 'text/plain; charset=utf-8';

/** What a value becomes. A string body is written as UTF-8 by the protocol layer. */
export interface EncodedBody {
  readonly body: unknown;
  readonly bodyType: BodyType;
  readonly contentType: string | undefined;
}

/** The codecs of one connection: the user's own first, in their order, then the built-in ones. */
export class CodecRegistry {
  readonly #codecs: readonly Codec[];

  constructor(codecs: readonly Codec[] = []) {
    this.#codecs = codecs;
  }

  /** The same with this one in front: for a client that was given its own. Without a content type it is the one that is used. */
  preferring(codec: Codec | undefined): CodecRegistry {
    return codec === undefined ? this : new PreferringRegistry(codec, this.#codecs);
  }

  /**
   * @param contentType of the call; `undefined`: by the kind of value
   * @throws whatever the codec throws; TypeError when there is no codec or no form
   */
  encode(value: unknown, contentType: string | undefined): EncodedBody {
    if (contentType !== undefined) return this.#encodeAs(value, contentType);
    if (typeof value === 'string') return { body: value, bodyType: 'data', contentType: TEXT_TYPE };
    if (value instanceof Uint8Array) return { body: value, bodyType: 'data', contentType: 'application/octet-stream' };
    // A codec of the user's for JSON also serves the values that would have become JSON.
    const own = this.#codecs.length === 0 ? undefined : this.find('application/json');
    if (own !== undefined) return encodeWith(own, value, 'application/json');
    return { body: encodeJson(value), bodyType: 'data', contentType: JSON_TYPE };
  }

  /** The text of a body that this library itself may have written, where no codec of the user's could be for it; else `undefined`. */
  textOf({ body, bodyType, properties }: AmqpMessage): string | undefined {
    if (this.#codecs.length > 0 || bodyType !== 'data' || !Buffer.isBuffer(body)) return undefined;
    const contentType = properties?.contentType;
    return contentType === JSON_TYPE || contentType === TEXT_TYPE ? utf8Text(body) : undefined;
  }

  /** What `decode` gives for a body with this text. @throws SyntaxError */
  valueOf(text: string, { properties }: AmqpMessage): unknown {
    return properties?.contentType === JSON_TYPE ? valueOfJson(text) : text;
  }

  /**
   * The body as the application gets it. Value and sequence bodies, and data bodies of a type that nobody knows, stay as they are.
   *
   * @throws whatever the codec throws
   */
  decode(message: AmqpMessage): unknown {
    const { body } = message;
    if (message.bodyType !== 'data' || !Buffer.isBuffer(body)) return body;
    const contentType = message.properties?.contentType;
    if (contentType === undefined) return body;
    if (this.#codecs.length > 0) {
      const own = this.find(contentType);
      if (own !== undefined) return own.decode(body, message);
    }
    if (contentType === JSON_TYPE) return decodeJson(body, contentType);
    const type = essence(contentType);
    if (isJson(type)) return decodeJson(body, contentType);
    if (type.startsWith('text/')) return decodeText(body, charsetOf(contentType));
    return body;
  }

  /** The user's codec for a content type. */
  protected find(contentType: string): Codec | undefined {
    return this.#codecs.find((codec) => matches(codec, contentType));
  }

  #encodeAs(value: unknown, contentType: string): EncodedBody {
    const own = this.find(contentType);
    if (own !== undefined) return encodeWith(own, value, contentType);
    // Bytes are taken as already being what the content type says.
    if (value instanceof Uint8Array) return { body: value, bodyType: 'data', contentType };
    const type = essence(contentType);
    if (isJson(type)) return { body: encodeJsonAs(value, contentType), bodyType: 'data', contentType };
    if (typeof value === 'string')
      return { body: encodeText(value, charsetOf(contentType)), bodyType: 'data', contentType };
    throw new TypeError(`there is no codec for ${contentType}, only bytes and strings can be sent with it`);
  }
}

/** One client's codec before those of its connection. */
class PreferringRegistry extends CodecRegistry {
  readonly #first: Codec;

  constructor(first: Codec, others: readonly Codec[]) {
    super([first, ...others]);
    this.#first = first;
  }

  override encode(value: unknown, contentType: string | undefined): EncodedBody {
    return contentType === undefined ? encodeWith(this.#first, value, undefined) : super.encode(value, contentType);
  }

  override decode(message: AmqpMessage): unknown {
    const { body, bodyType, properties } = message;
    if (bodyType === 'data' && Buffer.isBuffer(body) && properties?.contentType === undefined)
      return this.#first.decode(body, message);
    return super.decode(message);
  }
}

function encodeWith(codec: Codec, value: unknown, asked: string | undefined): EncodedBody {
  const encoded = callEncode(codec, value);
  const own = typeof codec.contentType === 'string' ? codec.contentType : undefined;
  if (Buffer.isBuffer(encoded)) return { body: encoded, bodyType: 'data', contentType: asked ?? own };
  if (typeof encoded === 'object' && encoded !== null && 'body' in encoded && Buffer.isBuffer(encoded.body)) {
    const written = 'contentType' in encoded && typeof encoded.contentType === 'string' ? encoded.contentType : own;
    return { body: encoded.body, bodyType: 'data', contentType: written ?? asked };
  }
  throw new TypeError('the codec returned neither a Buffer nor { body, contentType }');
}

function callEncode(codec: Codec, value: unknown): unknown {
  try {
    return codec.encode(value);
  } catch (cause) {
    // Not its words: they may quote the value.
    throw new TypeError(`the codec for ${String(codec.contentType)} cannot encode the value`, { cause });
  }
}

function matches({ contentType }: Codec, received: string): boolean {
  if (typeof contentType === 'string') return contentType === received || essence(contentType) === essence(received);
  // A global or sticky expression keeps a position between calls.
  contentType.lastIndex = 0;
  return contentType.test(received);
}
