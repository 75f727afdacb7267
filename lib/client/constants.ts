import { BATCH_FORMAT } from '../protocol/index.js';

/** Numbers of AMQP 1.0 and of this library's defaults, for who needs them by name. */
export const amqpConstants = Object.freeze({
  /** Of each scheme (IANA); taken when a URI has none. */
  defaultPorts: Object.freeze({ amqp: 5672, amqps: 5671, ws: 80, wss: 443 }),
  /** Bytes of the largest frame that we take, unless an option says otherwise. */
  maxFrameSize: 65_536,
  /** No peer may allow less (section 2.7.1). */
  minMaxFrameSize: 512,
  /** Bytes of the largest message that we take, unless an option says otherwise. */
  maxMessageBytes: 16_777_216,
  /** Silence after which a peer is given up, unless an option says otherwise. Unit: milliseconds. */
  idleTimeoutMs: 30_000,
  /** message-format of a batch in one transfer. */
  batchMessageFormat: BATCH_FORMAT,
} as const);
