// The seam between a client that uses a link (send, receive, request, management) and the connection that keeps it alive.

import type { AmqpError, ProtocolSession } from '../../protocol/index.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import type { LinkRole, LinkStatus } from './link-status.js';

/** One client's side of a supervised link. The connection calls these; none of them may throw. */
export interface LinkOwner<Link extends { readonly isOpen: boolean }> {
  /** For health. */
  readonly role: LinkRole;
  /** Where it receives. For health. */
  readonly takenBy?: LinkStatus['takenBy'] | undefined;
  /** For log lines, errors and health: `orders`. */
  readonly address: string;
  /**
   * `shared` with others beside it on a session where channels are short; `alone` always (management); where channels are short,
   * `requester` (a client's own replies) and `replies` to strangers with others of the kind only, since a refusal may end the session;
   * `transactional` on the session of the transaction coordinator.
   */
  readonly session: 'shared' | 'alone' | 'requester' | 'replies' | 'transactional';
  /**
   * It makes sense on the connection of its client only: a durable subscription is known by the container-id, too. Others, where they are
   * `shared`, go to a further connection to the same peer when no session is left.
   */
  readonly isBound?: boolean | undefined;
  /**
   * Attaches on this session. Called for the first attach and after every loss; rejects with a LinkError or whatever the signal
   * brings. The owner's `onClosed` of that link must call `closed` of its {@link SupervisedLink}.
   */
  attach(session: ProtocolSession, profile: PeerProfile, signal: AbortSignal): Promise<Link>;
  /** The link is attached (again). */
  attached(link: Link): void;
  /** It went down, or an attempt to bring it back failed; the connection goes on trying. */
  lost(error: AmqpError): void;
  /** Given up for good: refused at first attach, stolen, `onRefused: 'stop'`, or the connection was closed. */
  failed(error: AmqpError): void;
}

/** The connection's side. */
export interface SupervisedLink {
  readonly state: LinkStatus['state'];
  /** Resolves when attached (dialling the connection first where that is allowed); rejects with what ended it, or the signal's reason. */
  ready(signal?: AbortSignal): Promise<void>;
  /** The owner's `onClosed` of the current link reports here; the supervisor then calls `lost` and re-attaches. */
  closed(error: AmqpError): void;
  /**
   * The owner detached on its own; no re-attach. The session ends with its last link.
   *
   * @param failure why, where nobody asked for it: the link stays in view as failed, until it is dismissed
   */
  release(failure?: AmqpError): Promise<void>;
}

/** What SendClient, ReceiveClient and the others are given instead of the whole connection. */
export interface LinkSupervisor {
  /** What failed of the same owner before is in view no longer. */
  supervise<Link extends { readonly isOpen: boolean }>(owner: LinkOwner<Link>): SupervisedLink;
  /** The owner is closed: what failed of it is in view no longer. Harmless where nothing did. */
  dismiss(owner: object): void;
  /** The detected or configured profile; `undefined` until the first OPEN of the peer. */
  readonly profile: PeerProfile | undefined;
  /** `host:port` of the peer without user info, for messages. */
  readonly peerName: string;
  /** Why there is no connection, while attempts to have one fail. */
  readonly connectionFailure?: AmqpError | undefined;
  /** Whether it is a redirect that is followed: what was under way goes on elsewhere. Absent: none is. */
  follows?(error: AmqpError): boolean;
  /** Who we are to the peer, where the credentials name somebody. */
  readonly user?: string | undefined;
}
