// A message leaving: bounds, order, retries and deadlines between the send client and its link.

import type { AmqpError, Outcome } from '../../protocol/index.js';
import type { Target } from '../address/address.js';
import type { SendError } from '../errors.js';
import type { MessagingContext } from '../messaging-context.js';
import { attachedMessageLimit } from './message-limit.js';
import type { PendingLists } from './pending-message.js';
import type { PendingSend, SendEvents } from './pending-send.js';
import { completeSend, type SendPeer } from './complete-send.js';
import type { ResolvedSendClientOptions } from './send-client-options.js';
import type { SendFailures } from './send-failures.js';
import { SendLink, type SendLinkEvents } from './send-link.js';
import { SendList } from './send-list.js';
import { reportResult, successOf } from './report-result.js';
import type { SendSuccess } from './send-result.js';
import { SendRetries } from './send-retries.js';
import type { SendRoom } from './send-room.js';

/** Messages written in one turn before others get theirs. */
const MOST_PER_TURN = 256;
/** What the sender works with. */
export interface SenderParts {
  readonly target: Target;
  readonly options: ResolvedSendClientOptions;
  readonly room: SendRoom;
  readonly failures: SendFailures;
  readonly context: MessagingContext;
}

/** Takes every pending send from its call to its outcome. Each stands in exactly one of the lists until it is done. */
export class Sender implements SendEvents, SendLinkEvents {
  /** Waiting for `sendAllMessages`. */
  readonly held = new SendList();
  /** Waiting for the link, or for credit. */
  readonly queued = new SendList();
  /** Written, without an outcome. */
  readonly sent = new SendList();
  /** Waiting to be tried again. */
  readonly delayed = new SendList();
  readonly #parts: SenderParts;
  readonly #link: SendLink;
  readonly #retries: SendRetries;
  #isClosed = false;
  #pumpLater: NodeJS.Immediate | undefined = undefined;
  readonly #whenIdle = new Set<() => void>();

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#retries = new SendRetries(parts.options.errorPolicy, parts.context.logger, () => parts.context.links.profile);
    this.#link = new SendLink(parts.target, parts.context.links, parts.options, this);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get link(): SendLink {
    return this.#link;
  }

  /** Every message without an outcome, in the order of the calls; those that wait for room are not in the queue yet. */
  get lists(): PendingLists {
    return { held: this.held, waiting: this.queued, sent: this.sent, retrying: this.delayed };
  }

  /** Nothing waits for the link, for credit, for room or for another try, and no more than `most` for an outcome. */
  hasWritten(most: number): boolean {
    return this.#busy === this.sent.size && this.sent.size <= most;
  }

  /** The peer's max-message-size, at once when the link is there, or will never be. Rejects SendError. */
  messageLimit(timeoutMs: number, signal: AbortSignal | undefined): number | undefined | Promise<number | undefined> {
    const { attachedLink } = this.#link;
    if (attachedLink !== undefined || this.#isClosed) return attachedLink?.maxMessageBytes;
    return attachedMessageLimit(this.#link, this.#parts.failures, timeoutMs, signal);
  }

  /** Puts it aside for `sendAllMessages`; it already takes its place. @throws SendQueueFullError */
  hold(pending: PendingSend): void {
    const refusal = this.#parts.room.enter(pending) ? undefined : this.#parts.room.refusal(pending, 'fail');
    if (refusal !== undefined) {
      reportResult(pending, refusal, this.#parts.context.observers);
      throw refusal;
    }
    this.held.append(pending);
  }

  /** Sends what was held, in its order. */
  releaseHeld(pending: PendingSend): void {
    this.held.remove(pending);
    pending.transaction?.sendStarted(pending);
    const refusal = this.#refusal(pending);
    if (refusal !== undefined) {
      this.#settle(pending, refusal);
      this.#leaveRoom(pending);
    } else if (this.#startWaiting(pending)) this.#enqueue(pending);
    else this.#leaveRoom(pending);
  }

  /** @param whenFull `queue`: waits for room, however many do already */
  submit(pending: PendingSend, whenFull: 'fail' | 'wait' | 'queue'): void {
    const { room } = this.#parts;
    pending.transaction?.sendStarted(pending);
    const obstacle = this.#refusal(pending);
    if (obstacle !== undefined) return this.#settle(pending, obstacle);
    if (room.enter(pending)) {
      if (this.#startWaiting(pending)) this.#enqueue(pending);
      else this.#leaveRoom(pending);
      return;
    }
    const refusal = room.refusal(pending, whenFull);
    if (refusal !== undefined) return this.#settle(pending, refusal);
    if (this.#startWaiting(pending)) room.waiting.append(pending);
  }

  // What the link says of one message.

  settled(pending: PendingSend, outcome: Outcome | undefined, problem: string | undefined): void {
    if (pending.list !== this.sent) return;
    if (outcome?.kind === 'accepted' || (outcome === undefined && pending.presettled))
      return this.#finish(pending, successOf(pending, outcome, true));
    if (outcome === undefined) return this.#finish(pending, this.#parts.failures.withoutOutcome(pending, problem));
    if (outcome.kind === 'released' && !(pending.mandatory ?? this.#link.mandatory))
      return this.#finish(pending, successOf(pending, outcome, false));
    this.#failedTransfer(pending, this.#parts.failures.outcome(pending, outcome), false);
  }

  lost(pending: PendingSend, error: AmqpError, written: boolean): void {
    if (pending.list !== this.sent) return;
    if (!written) {
      // Nobody saw it: it takes its old place again, as if it had not been tried.
      pending.attempts--;
      return this.#requeue(pending);
    }
    const failure = this.#parts.failures.link(pending, error, true);
    if (this.#parts.options.onConnectionLost === 'fail') return this.#finish(pending, failure);
    pending.inDoubt = true;
    this.#failedTransfer(pending, failure, true, this.#parts.context.links.follows?.(error));
  }

  expired(pending: PendingSend): void {
    const { failures, room } = this.#parts;
    const written = pending.list === this.sent;
    const unsent = this.#link.current === undefined ? 'link' : 'credit';
    const isWaiting = pending.list === room.waiting;
    const waitedFor = isWaiting ? 'room in the queue' : written ? 'outcome' : unsent;
    this.#finish(pending, failures.timeout(pending, waitedFor, written, this.#link.lastError));
    if (isWaiting) this.#admit();
  }

  aborted(pending: PendingSend): void {
    const isWaiting = pending.list === this.#parts.room.waiting;
    this.#finish(pending, this.#parts.failures.aborted(pending, pending.list === this.sent));
    if (isWaiting) this.#admit();
  }

  /** Its body has its last form; `failure`: it has none. */
  compressed(pending: PendingSend, failure: unknown): void {
    pending.isCompressing = false;
    if (pending.list === undefined) return;
    if (failure !== undefined) this.#finish(pending, this.#parts.failures.encode(failure));
    this.linkSendable();
  }

  // What becomes of the link.

  linkSendable(): void {
    for (let written = 0; this.queued.first !== undefined; written++) {
      if (written === MOST_PER_TURN) {
        this.#pumpLater ??= setImmediate(() => {
          this.#pumpLater = undefined;
          this.linkSendable();
        });
        return;
      }
      if (!this.#transfer(this.queued.first)) return;
    }
  }

  /** A link that is refused fails what waits for it, unless the policy says to wait. */
  linkLost(error: AmqpError, refused: boolean): void {
    if (!refused) return;
    for (const pending of [...this.queued.snapshot(), ...this.#parts.room.waiting.snapshot()]) {
      if (pending.list === undefined) continue;
      const failure = this.#parts.failures.link(pending, error, false);
      if (!this.#retries.waits(failure)) this.#finish(pending, failure);
    }
  }

  linkFailed(error: unknown): void {
    this.#failAll((pending, written) => this.#parts.failures.link(pending, error, written));
  }

  /** Resolves when no send is pending, at the latest after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.#busy > 0) await this.#idle(timeoutMs);
  }

  /** Waits for what is pending, fails the rest, detaches. Messages that were only held stay where they can be looked at. */
  async close(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    this.#isClosed = true;
    await this.flush(timeoutMs);
    this.#failAll((pending, written) => this.#parts.failures.closed(pending, written));
    if (this.#pumpLater !== undefined) clearImmediate(this.#pumpLater);
    this.#parts.room.wakeCallers();
    await this.#link.close(Math.max(0, deadline - performance.now()));
  }

  /** Why nothing is sent any more. */
  #refusal(pending: PendingSend): SendError | undefined {
    const { failures } = this.#parts;
    if (this.#isClosed) return failures.closed(pending, false);
    return pending.transaction?.takesParts === false ? failures.inTransaction(pending) : undefined;
  }

  /** Starts the deadline and listens to the signal. `false`: it was aborted before, and is done. */
  #startWaiting(pending: PendingSend): boolean {
    const { signal } = pending;
    if (signal?.aborted === true) {
      this.#settle(pending, this.#parts.failures.aborted(pending, false));
      return false;
    }
    signal?.addEventListener('abort', pending);
    pending.deadlineAt = performance.now() + pending.timeoutMs;
    this.#parts.context.deadlines.add(pending);
    return true;
  }

  #enqueue(pending: PendingSend): void {
    if (this.queued.size === 0 && this.#link.current !== undefined && this.#transfer(pending)) return;
    this.queued.append(pending);
    if (this.#link.current === undefined) this.#link.want();
  }

  /** `false`: the link takes nothing now, and the message stays where it is. */
  #transfer(pending: PendingSend): boolean {
    const link = this.#link.current;
    if (link === undefined || !link.isOpen || pending.isCompressing) return false;
    if (pending.unfinished !== undefined || pending.transaction !== undefined) {
      const problem = completeSend(pending, this.#peer, this.#parts.failures);
      if (problem !== undefined) {
        this.#finish(pending, problem);
        return true;
      }
    }
    try {
      if (!link.send(pending)) return false;
    } catch (error) {
      this.#finish(pending, this.#parts.failures.encode(error));
      return true;
    }
    pending.attempts++;
    pending.list?.remove(pending);
    this.sent.append(pending);
    return true;
  }

  #failedTransfer(pending: PendingSend, failure: SendError, lost: boolean, follows?: boolean): void {
    const decision = this.#retries.decide(pending, failure, lost, follows);
    if (decision === undefined) return this.#finish(pending, failure);
    if (decision.counts) pending.retries++;
    if (decision.delayMs === 0) return this.#requeue(pending);
    pending.list?.remove(pending);
    this.delayed.append(pending);
    pending.retryTimer = setTimeout(() => this.#requeue(pending), decision.delayMs);
  }

  /** Back to its place by the order of the calls. */
  #requeue(pending: PendingSend): void {
    pending.list?.remove(pending);
    this.queued.insertBySequence(pending);
    if (this.#link.current === undefined) this.#link.want();
    else this.linkSendable();
  }

  #failAll(failure: (pending: PendingSend, written: boolean) => SendError): void {
    const waiting = [this.#parts.room.waiting, this.queued, this.delayed, this.sent];
    for (const list of waiting)
      for (const pending of list.snapshot())
        // The others of a transaction end with the first.
        if (pending.list !== undefined) this.#finish(pending, failure(pending, pending.list === this.sent));
  }

  /** The end of every send that was submitted. */
  #finish(pending: PendingSend, result: SendSuccess | SendError): void {
    const { room, context } = this.#parts;
    const { list } = pending;
    if (list === this.delayed) clearTimeout(pending.retryTimer);
    list?.remove(pending);
    context.deadlines.remove(pending);
    pending.signal?.removeEventListener('abort', pending);
    this.#settle(pending, result);
    if (list !== room.waiting && room.leave(pending)) this.#admit();
    if (this.#whenIdle.size > 0 && this.#busy === 0) for (const tell of this.#whenIdle) tell();
  }

  #leaveRoom(pending: PendingSend): void {
    if (this.#parts.room.leave(pending)) this.#admit();
  }

  /** After one has left the room, or the way to it: whoever stood behind it may fit. */
  #admit(): void {
    const { room } = this.#parts;
    for (let next = room.admit(); next !== undefined; next = room.admit()) {
      // Its own deadline may have come with the one that made the room: then it must not be written any more.
      if (next.deadlineAt > performance.now()) this.#enqueue(next);
      else this.#finish(next, this.#parts.failures.timeout(next, 'room in the queue', false, this.#link.lastError));
    }
  }

  #settle(pending: PendingSend, result: SendSuccess | SendError): void {
    reportResult(pending, result, this.#parts.context.observers);
    pending.transaction?.sendEnded(pending, result instanceof Error ? result : undefined);
  }

  get #peer(): SendPeer {
    const { profile, user } = this.#link;
    return { profile, user: this.#parts.options.impersonate ? undefined : user };
  }

  get #busy(): number {
    return this.queued.size + this.sent.size + this.delayed.size + this.#parts.room.waiting.size;
  }

  #idle(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const tell = (): void => {
        clearTimeout(timer);
        this.#whenIdle.delete(tell);
        resolve();
      };
      const timer = setTimeout(tell, timeoutMs);
      this.#whenIdle.add(tell);
    });
  }
}
