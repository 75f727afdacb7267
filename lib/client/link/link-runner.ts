// Runs what decideLink() decides for one link: attaches, waits, tells its owner. One event is handled to its end before the next one.

import { performance } from 'node:perf_hooks';
import { AmqpError, LinkError } from '../../protocol/index.js';
import { asError, deadline } from '../deadline.js';
import { ClientClosedError } from '../errors.js';
import { AttachWaiters } from './attach-waiters.js';
import { decideLink, type LinkPolicy } from './decide-link.js';
import { discardLink } from './discard-link.js';
import { logLoss, movedOn, toAmqpError, tookTooLong } from './link-loss.js';
import type { LinkOwner, SupervisedLink } from './link-owner.js';
import type { LinkStatus } from './link-status.js';
import {
  INITIAL_LINK_STATE,
  linkStateName,
  type LinkEffect,
  type LinkEvent,
  type LinkState,
  UNAUTHORIZED,
} from './link-state.js';
import type { LinkSurroundings } from './link-surroundings.js';
import type { LinkWay } from './link-way.js';
import type { SessionPlace } from './session-pool.js';

export class LinkRunner<Link extends { readonly isOpen: boolean }> implements SupervisedLink {
  #state: LinkState = INITIAL_LINK_STATE;
  #attempt: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #held: { readonly link: Link; readonly place: SessionPlace } | undefined;
  #ending: Promise<void> = Promise.resolve();
  #applying = false;
  /** The link ended between its attach and the moment we heard of it. */
  #endedEarly: AmqpError | undefined;
  readonly #way: LinkWay;
  readonly #events: LinkEvent[] = [];
  readonly #waiters = new AttachWaiters();

  constructor(
    private readonly owner: LinkOwner<Link>,
    private readonly surroundings: LinkSurroundings,
  ) {
    this.#way = surroundings.way();
  }

  get state(): SupervisedLink['state'] {
    return linkStateName(this.#state);
  }

  get status(): LinkStatus {
    const { role, address, takenBy } = this.owner;
    const error = 'cause' in this.#state ? this.#state.cause : undefined;
    return {
      role,
      address,
      state: this.state,
      ...(takenBy === undefined ? {} : { takenBy }),
      ...(error === undefined ? {} : { error }),
    };
  }

  async ready(signal?: AbortSignal): Promise<void> {
    if (this.#state.name === 'attached') return;
    if (this.#state.name === 'failed') throw this.#state.cause;
    if (this.#state.name === 'closed')
      throw AmqpError.inOwnWords(new ClientClosedError(`the client of "${this.owner.address}" is closed`));
    const { readyTimeoutMs } = this.surroundings;
    const wait = deadline(signal === undefined ? readyTimeoutMs : Infinity, () => this.#tookTooLong(), signal);
    try {
      await this.#waiters.wait(wait.signal, () =>
        this.#apply({ type: 'wanted', connected: this.surroundings.current() !== undefined }),
      );
    } finally {
      wait.done();
    }
  }

  closed(error: AmqpError): void {
    if (this.#state.name === 'attaching') this.#endedEarly = error;
    // A link that was let go may report its end late: the one in hand is alive.
    if (this.#state.name !== 'attached' || this.#held?.link.isOpen === true) return;
    const { place } = this.#held ?? {};
    const sibling = place !== undefined && place.isShared && !place.session.isOpen;
    const at = performance.now();
    const { epoch, attachedAt } = this.#state;
    const { cause, kind } = this.#judge(error, at - attachedAt);
    this.#apply({ type: 'detached', epoch, at, cause, kind: sibling && kind === 'refused' ? 'transient' : kind });
    // It outlived its connection: what comes next waits for that one.
    if (this.surroundings.current() === undefined) this.#down(cause);
  }

  async release(failure?: AmqpError): Promise<void> {
    this.#apply({ type: 'released', failure });
    this.#waiters.settle(
      failure ?? AmqpError.inOwnWords(new ClientClosedError(`the client of "${this.owner.address}" is closed`)),
    );
    this.surroundings.ended(this.#state.name === 'failed' ? 'failed' : 'closed');
    await this.#ending;
  }

  /** A stranger's reply address that is gone does not come back. */
  get #policy(): LinkPolicy {
    const { policy } = this.surroundings;
    return this.owner.session === 'replies' ? { ...policy, onRefused: 'stop' } : policy;
  }

  authorized(): void {
    this.#apply({ type: 'authorized' });
  }

  connectionUp(): void {
    const { besides } = this.#held?.place ?? {};
    if (besides !== undefined && besides !== this.surroundings.current()?.resolved)
      this.#down(movedOn(this.owner.address));
    this.#apply({ type: 'connection-up' });
  }

  connectionDown(cause: AmqpError): void {
    const { place } = this.#held ?? {};
    if (place?.besides === undefined || !place.session.isOpen) this.#down(cause);
  }

  connectionGivenUp(cause: AmqpError, final: boolean): void {
    this.#apply({ type: 'connection-given-up', cause, final });
  }

  /** @param heldMs how long it was attached */
  #judge(error: AmqpError, heldMs: number): ReturnType<LinkWay['judge']> {
    const judged = this.#way.judge(error, this.owner.address, heldMs);
    // The first attach of a link fails at once, so that a program learns at its start what it may not use.
    const wasAttached = this.#state.name === 'attached' || ('established' in this.#state && this.#state.established);
    const isOverToken = wasAttached && judged.kind === 'refused' && judged.cause.condition === UNAUTHORIZED;
    return isOverToken && this.surroundings.unauthorized() ? { ...judged, kind: 'transient' } : judged;
  }

  #down(cause: AmqpError): void {
    this.#way.reset();
    this.#apply({ type: 'connection-down', cause });
  }

  #apply(event: LinkEvent): void {
    this.#events.push(event);
    if (this.#applying) return;
    this.#applying = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      const before = this.#state;
      const { state, effects } = decideLink(before, next, this.#policy);
      this.#state = state;
      for (const effect of effects) this.#run(effect, before);
    }
    this.#applying = false;
  }

  #run(effect: LinkEffect, before: LinkState): void {
    switch (effect.run) {
      case 'connect':
        this.surroundings.connect();
        break;
      case 'attach':
        void this.#attach(effect.epoch);
        break;
      case 'wait':
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#apply({ type: 'delay-elapsed', epoch: effect.epoch }), effect.delayMs);
        break;
      case 'let-go':
        this.#letGo();
        break;
      case 'tell-attached':
        if (this.#held !== undefined) this.#tell((link) => this.owner.attached(link), this.#held.link);
        this.#waiters.settle(undefined);
        break;
      case 'tell-lost':
        logLoss(effect, before, this.owner.address, this.surroundings);
        this.#tell((cause) => this.owner.lost(cause), effect.cause);
        break;
      case 'tell-failed':
        // Told of first: an owner that tries anew at once has a link that is alive.
        this.surroundings.ended('failed');
        this.#tell((cause) => this.owner.failed(cause), effect.cause);
        this.#waiters.settle(effect.cause);
        break;
      case 'reject-ready':
        this.#waiters.settle(effect.cause);
        break;
    }
  }

  #tookTooLong(): Error {
    return tookTooLong(this.#state, this.owner.address, this.surroundings.readyTimeoutMs);
  }

  async #attach(epoch: number): Promise<void> {
    const current = this.surroundings.current();
    if (current === undefined) return;
    const { owner } = this;
    const stop = new AbortController();
    this.#attempt = stop;
    this.#endedEarly = undefined;
    const { attachTimeoutMs } = this.surroundings;
    const late = (): Error =>
      AmqpError.inOwnWords(
        new LinkError(`"${owner.address}": no answer to the attach within ${attachTimeoutMs} ms`, owner.address, ''),
      );
    const attempt = deadline(attachTimeoutMs, late, stop.signal);
    // What was refused once gets a session of its own where one is left, so that it takes nobody with it.
    const before = this.#state.name === 'attaching' ? this.#state : undefined;
    const refusedBefore = before?.refused === true || before?.cause?.condition === UNAUTHORIZED;
    const wish = refusedBefore && owner.session === 'shared' ? 'own' : owner.session;
    try {
      const held = await this.#way.attach(current, wish, attempt.signal, (session, profile) =>
        owner.attach(session, profile, attempt.signal),
      );
      if (this.#state.epoch !== epoch) await discardLink(held);
      else if (!held.link.isOpen) {
        await held.place.release();
        throw (
          this.#endedEarly ??
          AmqpError.inOwnWords(new LinkError(`"${owner.address}" ended as soon as it was attached`, owner.address, ''))
        );
      } else {
        this.#held = held;
        this.#apply({ type: 'attached', epoch, at: performance.now() });
      }
    } catch (thrown) {
      const error = toAmqpError(attempt.signal.aborted ? attempt.signal.reason : thrown, owner.address);
      if (this.#state.epoch !== epoch) return;
      this.#apply({ type: 'attach-failed', epoch, ...this.#judge(error, 0) });
    } finally {
      attempt.done();
    }
  }

  #letGo(): void {
    clearTimeout(this.#timer);
    this.#attempt?.abort(
      AmqpError.inOwnWords(new LinkError(`"${this.owner.address}": the attach was given up`, this.owner.address, '')),
    );
    this.#attempt = undefined;
    const { place } = this.#held ?? {};
    this.#held = undefined;
    if (place !== undefined) this.#ending = place.release();
  }

  /** An owner must not throw; one that does is not allowed to stop the others. */
  #tell<Value>(call: (value: Value) => void, value: Value): void {
    try {
      call(value);
    } catch (error) {
      this.surroundings.logger.error(`"${this.owner.address}": ${asError(error).message}`);
    }
  }
}
