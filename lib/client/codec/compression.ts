// Bodies made smaller: by content-encoding, off the event loop, and never beyond a bound when they are read.

import zlib from 'node:zlib';
import type { AmqpMessage } from '../../protocol/index.js';

/** A content-encoding that this library writes and reads. */
export type Compression = 'gzip' | 'deflate' | 'br' | 'zstd';

export const COMPRESSIONS: readonly Compression[] = ['gzip', 'deflate', 'br', 'zstd'];

type Transform = (
  body: Uint8Array,
  options: { readonly maxOutputLength?: number },
  done: (error: Error | null, result: Buffer) => void,
) => void;

type SyncTransform = (body: Uint8Array, options: { readonly maxOutputLength?: number }) => Buffer;

interface ZstdTransforms {
  readonly zstdCompress: Transform;
  readonly zstdDecompress: Transform;
  readonly zstdDecompressSync: SyncTransform;
}

const ENCODINGS: ReadonlyMap<string, Compression> = new Map<string, Compression>([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['br', 'br'],
  ['zstd', 'zstd'],
]);

/** What kombu writes into its header `compression`; its gzip is what HTTP calls deflate. */
const KOMBU: ReadonlyMap<unknown, Compression> = new Map<unknown, Compression>([
  ['application/x-gzip', 'gzip'],
  ['application/x-brotli', 'br'],
  ['application/x-br', 'br'],
  ['application/zstd', 'zstd'],
  ['application/zstandard', 'zstd'],
]);

/** How the body of a received message was compressed; `undefined`: not, or in a way that nobody here knows. */
export function compressionOf({
  bodyType,
  body,
  properties,
  applicationProperties,
}: AmqpMessage): Compression | undefined {
  if (bodyType !== 'data' || !Buffer.isBuffer(body)) return undefined;
  const encoding = properties?.contentEncoding;
  const known = encoding === undefined ? undefined : ENCODINGS.get(encoding.toLowerCase());
  if (known !== undefined || applicationProperties === undefined) return known;
  return Object.hasOwn(applicationProperties, 'compression')
    ? KOMBU.get(applicationProperties['compression'])
    : undefined;
}

/** @throws TypeError when this Node has no such compression */
export function compressor(how: Compression): (body: Uint8Array) => Promise<Buffer> {
  const transform =
    how === 'gzip'
      ? zlib.gzip
      : how === 'deflate'
        ? zlib.deflate
        : how === 'br'
          ? zlib.brotliCompress
          : zstd('zstdCompress');
  return (body) => call(transform, body, {});
}

/** It would have more bytes than are allowed. */
export class BodyTooLarge extends RangeError {}

/** @throws BodyTooLarge beyond `maxBytes`; TypeError, or zlib's error when it is no such thing */
export async function decompress(body: Uint8Array, how: Compression, maxBytes: number): Promise<Buffer> {
  // unzip reads gzip and deflate alike: some write one and name the other.
  const transform = how === 'br' ? zlib.brotliDecompress : how === 'zstd' ? zstd('zstdDecompress') : zlib.unzip;
  return call(transform, body, { maxOutputLength: Math.min(maxBytes, MOST_BYTES) });
}

/** The same for whoever cannot wait; it holds the event loop up. */
export function decompressNow(body: Uint8Array, how: Compression, maxBytes: number): Buffer {
  if (maxBytes < 1) throw tooLarge(maxBytes);
  const maxOutputLength = Math.min(maxBytes, MOST_BYTES);
  const transform =
    how === 'br' ? zlib.brotliDecompressSync : how === 'zstd' ? zstd('zstdDecompressSync') : zlib.unzipSync;
  try {
    return transform(body, { maxOutputLength });
  } catch (error) {
    throw isTooLarge(error) ? tooLarge(maxOutputLength) : error;
  }
}

/** The largest Buffer that every platform has. */
const MOST_BYTES = 2 ** 31 - 1;

function call(transform: Transform, body: Uint8Array, options: { readonly maxOutputLength?: number }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    transform(body, options, (error, result) => {
      if (error === null) resolve(result);
      else reject(isTooLarge(error) ? tooLarge(options.maxOutputLength) : error);
    });
  });
}

function isTooLarge(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}

function tooLarge(maxBytes: number | undefined): BodyTooLarge {
  return new BodyTooLarge(`the body has more than ${maxBytes} bytes once it is decompressed`);
}

function zstd<Name extends keyof ZstdTransforms>(name: Name): ZstdTransforms[Name] {
  const transform: unknown = Reflect.get(zlib, name);
  // True: where Node has it (22.15 and later), it has the form of the others.
  if (typeof transform === 'function') return transform as ZstdTransforms[Name];
  throw new TypeError(`Node ${process.versions.node} has no zstd; 22.15 and later have`);
}
