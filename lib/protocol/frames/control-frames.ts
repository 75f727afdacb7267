// Control frames for the sessions and the acceptor: what they are, and to and from bytes.
export * from './control-frame.js';
export { decodeControlFrame } from './decode-control-frame.js';
export { encodeControlFrame } from './encode-control-frame.js';
