import { InvalidOptionsError } from '../../protocol/index.js';
import { checkMethods } from '../options/check.js';
import type { Codec } from './codec.js';

/** @throws InvalidOptionsError */
export function checkCodec(value: unknown, path: string): Codec | undefined {
  const codec = checkMethods<Codec>(value, path, ['encode', 'decode']);
  if (codec === undefined) return undefined;
  const { contentType } = codec;
  if (contentType instanceof RegExp || (typeof contentType === 'string' && contentType !== '')) return codec;
  throw new InvalidOptionsError(`${path}.contentType`, 'a content type or a RegExp', contentType);
}

/** A connection's `codecs`; `undefined` is none. @throws InvalidOptionsError */
export function checkCodecs(value: unknown, path: string): readonly Codec[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new InvalidOptionsError(path, 'an array of codecs', value);
  return value.map((item: unknown, index) => {
    const codec = checkCodec(item, `${path}[${index}]`);
    if (codec === undefined) throw new InvalidOptionsError(`${path}[${index}]`, 'a codec', item);
    return codec;
  });
}
