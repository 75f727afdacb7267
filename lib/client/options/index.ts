// The second door of the client layer: what lib/nest and the folders above it check options with while an application starts, and read
// bodies of other envelopes with.
// Nothing here is public.
export * from '../address/check-address.js';
export { decodeJson } from '../codec/json.codec.js';
export * from '../receive/receive-client-options.js';
export * from '../receive/subscribe-options.js';
export * from '../request/request-client-options.js';
export * from '../send/send-client-options.js';
export * from './check.js';
export { CONNECTION_OPTION_NAMES, resolveConnectionOptions } from './resolve-connection-options.js';
