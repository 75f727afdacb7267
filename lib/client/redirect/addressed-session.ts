import type { ProtocolSession, Terminus } from '../../protocol/index.js';

/** The same session; what is attached on it is attached at the address that a redirect gave. */
export function addressedSession(session: ProtocolSession, address: string | undefined): ProtocolSession {
  if (address === undefined) return session;
  const there = (terminus: Terminus): Terminus => ({ ...terminus, address });
  return {
    get isOpen() {
      return session.isOpen;
    },
    get handleMax() {
      return session.handleMax;
    },
    get linkCount() {
      return session.linkCount;
    },
    attachSender: (options) => session.attachSender({ ...options, target: there(options.target) }),
    attachReceiver: (options) => session.attachReceiver({ ...options, source: there(options.source) }),
    attachCoordinator: (options) => session.attachCoordinator(options),
    end: (options) => session.end(options),
  };
}
