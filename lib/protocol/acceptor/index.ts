// The door of the protocol layer for lib/broker. Loads no rhea.
export * from '../errors.js';
export * from '../outcome.js';
export * from '../invalid-options-error.js';
export type * from '../connection.js';
export type * from '../links.js';
export type * from './acceptor.js';
export { acceptConnection } from './accept-connection.js';
export type * from '../message/amqp-message.js';
export { Decimal, Described, Typed, type TypeName } from '../types/typed.js';
export { Uuid } from '../types/uuid.js';
export { amqp } from '../types/amqp.js';
export { decodeValue } from '../types/decode.js';
export { encodeValue } from '../types/encode.js';
export { describedStart, descriptorCode, scanValue } from '../frames/scan.js';
export { decodeMessageInto } from '../message/decode-message.js';
export { encodeMessage } from '../message/encode-message.js';
export { VERSION } from '../version.js';
