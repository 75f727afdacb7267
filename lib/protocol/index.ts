// The door of the protocol layer for lib/client.
export * from './errors.js';
export type { RedirectTarget } from './redirect.js';
export { peerBlocked } from './amqp-error.js';
export * from './outcome.js';
export * from './connection.js';
export { Secrets } from './secrets.js';
export * from './message/amqp-message.js';
export { amqp } from './types/amqp.js';
export { Uuid } from './types/uuid.js';
export { Described, Typed, type TypeName } from './types/typed.js';
export { decodeDataSections, decodeMessageInto } from './message/decode-message.js';
export { ownBytes } from './types/own-bytes.js';
export { encodeMessage } from './message/encode-message.js';
export { VERSION } from './version.js';
export { BATCH_FORMAT } from './message/batch-format.js';
export { openConnection } from './control/open-connection.js';
export { dial, type DialOptions, type DialTls } from './socket/dial.js';
export type { HttpProxy } from './socket/proxy-tunnel.js';
