// All supervised links of one connection.

import { ConnectionRedirectError, LinkRedirectError, type AmqpError } from '../../protocol/index.js';
import type { ConnectedPeer } from '../connection/connect-peer.js';
import type { ResolvedPeer } from '../options/resolve-peers.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import { decideRedirect, type RedirectPolicy } from '../redirect/decide-redirect.js';
import type { Elsewhere } from '../redirect/elsewhere.js';
import type { LinkOwner, LinkSupervisor, SupervisedLink } from './link-owner.js';
import { LinkRunner } from './link-runner.js';
import type { LinkSurroundings } from './link-surroundings.js';
import type { LinkStatus } from './link-status.js';
import { LinkWay, type CurrentPeer } from './link-way.js';
import { SessionPool } from './session-pool.js';

export interface LinksOptions extends Omit<LinkSurroundings, 'current' | 'ended' | 'way'> {
  readonly endTimeoutMs: number;
  readonly redirects: RedirectPolicy;
  readonly elsewhere: Elsewhere;
}

interface Member extends SupervisedLink {
  readonly status: LinkStatus;
  connectionUp(): void;
  authorized(): void;
  connectionDown(cause: AmqpError): void;
  connectionGivenUp(cause: AmqpError, final: boolean): void;
}

export class Links implements LinkSupervisor {
  readonly #members = new Set<Member>();
  /** By owner: in view until it tries anew or is closed. */
  readonly #failed = new Map<object, Member>();
  #current: CurrentPeer | undefined;
  #profile: PeerProfile | undefined;
  #peerName = 'the peer';
  #user: string | undefined;
  #failure: AmqpError | undefined;
  /** The peer that is connected, or was last. */
  #resolved: ResolvedPeer | undefined;

  constructor(private readonly options: LinksOptions) {}

  get profile(): PeerProfile | undefined {
    return this.#profile;
  }

  get peerName(): string {
    return this.#peerName;
  }

  get user(): string | undefined {
    return this.#user;
  }

  get connectionFailure(): AmqpError | undefined {
    return this.#failure;
  }

  /** By the options alone: a circle shows only when it is gone. */
  follows(error: AmqpError): boolean {
    const isRedirect = error instanceof LinkRedirectError || error instanceof ConnectionRedirectError;
    if (!isRedirect || this.#resolved === undefined) return false;
    return decideRedirect(error.redirect, this.#resolved, this.options.redirects, []).kind === 'follow';
  }

  /** Those that live, and those that failed while nobody closed their clients. */
  get statuses(): readonly LinkStatus[] {
    return [...this.#members, ...this.#failed.values()].map(({ status }) => status);
  }

  supervise<Link extends { readonly isOpen: boolean }>(owner: LinkOwner<Link>): SupervisedLink {
    const { policy } = this.options;
    const runner: LinkRunner<Link> = new LinkRunner(owner, {
      ...this.options,
      way: () => new LinkWay({ ...this.options, stableAfterMs: policy.stableAfterMs, isBound: owner.isBound === true }),
      current: () => this.#current,
      ended: (how) => this.#ended(owner, runner, how),
    });
    this.#failed.delete(owner);
    this.#members.add(runner);
    return runner;
  }

  dismiss(owner: object): void {
    this.#failed.delete(owner);
  }

  up(peer: ConnectedPeer): void {
    const { profile } = peer;
    this.#profile = profile;
    this.#failure = undefined;
    this.#peerName = peer.name;
    this.#user = peer.user;
    this.#resolved = peer.resolved;
    const pool = new SessionPool(peer.protocol, {
      oneAttachAtATime: profile.refusalEndsSession,
      endTimeoutMs: this.options.endTimeoutMs,
    });
    this.#current = { pool, profile, resolved: peer.resolved };
    for (const member of this.#members) member.connectionUp();
  }

  /** The peer has a new token: what it refused for want of one need not wait. */
  authorized(): void {
    for (const member of this.#members) member.authorized();
  }

  /** An attempt to connect failed; another one follows. */
  notUp(cause: AmqpError): void {
    this.#failure = cause;
  }

  down(cause: AmqpError): void {
    this.#current = undefined;
    for (const member of this.#members) member.connectionDown(cause);
  }

  /** @param final the connection was closed by the user */
  givenUp(cause: AmqpError, final: boolean): void {
    this.#current = undefined;
    for (const member of this.#members) member.connectionGivenUp(cause, final);
    if (final) this.#failed.clear();
  }

  #ended(owner: object, member: Member, how: 'failed' | 'closed'): void {
    this.#members.delete(member);
    if (how === 'failed') this.#failed.set(owner, member);
    else if (this.#failed.get(owner) === member) this.#failed.delete(owner);
  }
}
