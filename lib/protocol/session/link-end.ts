import type { RemoteAttach } from '../links.js';
import type { AmqpError, PeerError } from '../errors.js';
import type { AttachFrame } from '../frames/control-frames.js';

/** How a link ended, for whoever owns it. */
export interface LinkEnd {
  /** For a client: the translated reason. */
  readonly error: AmqpError;
  /** The peer's DETACH said `closed`; `false` when the session or connection ended. */
  readonly closed: boolean;
  /** It went down with its session or connection. */
  readonly bySession: boolean;
  /** What the peer said, if it did. */
  readonly peerError: PeerError | undefined;
}

/** What the peer answered to an attach, before it did. */
export const NOTHING_REMOTE: RemoteAttach = Object.freeze({
  source: undefined,
  target: undefined,
  properties: Object.freeze({}),
  offeredCapabilities: Object.freeze([]),
});

export function remoteOf(frame: AttachFrame): RemoteAttach {
  const { source, target, properties = {}, offeredCapabilities = [] } = frame;
  return { source, target, properties, offeredCapabilities };
}
