// A message leaving: bounds, order, retries and deadlines between the send client and its link.

import type { AmqpError, Outcome } from '../../protocol/index.js';
import type { Target } from '../address/address.js';
import type { SendError } from '../errors.js';
import type { MessagingContext } from '../messaging-context.js';
import { IdleWaiters } from './idle-waiters.js';
import { attachedMessageLimit } from './message-limit.js';
import type { PendingLists } from './pending-message.js';
import type { PendingSend, SendEvents } from './pending-send.js';
import type { ResolvedSendClientOptions } from './send-client-options.js';
import type { SendFailures } from './send-failures.js';
import { SendLink, type SendLinkEvents } from './send-link.js';
import { SendList } from './send-list.js';
import { reportResult, successOf } from './report-result.js';
import type { SendSuccess } from './send-result.js';
import { SendRetries } from './send-retries.js';
import type { SendRoom } from './send-room.js';
import { Transmission } from './transmission.js';

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
  /** Waiting to be tried again. */
  readonly delayed = new SendList();
  readonly #parts: SenderParts;
  readonly #link: SendLink;
  readonly #transmission: Transmission;
  readonly #retries: SendRetries;
  #isClosed = false;
  readonly #waiters = new IdleWaiters();

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#retries = new SendRetries(parts.options.errorPolicy, parts.context.logger, () => parts.context.links.profile);
    this.#link = new SendLink(parts.target, parts.context.links, parts.options, this);
    const { impersonate } = parts.options;
    const failed = (pending: PendingSend, error: SendError): void => this.#finish(pending, error);
    this.#transmission = new Transmission({ link: this.#link, failures: parts.failures, impersonate, failed });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get link(): SendLink {
    return this.#link;
  }

  /** Every message without an outcome, in the order of the calls; those that wait for room are not in the queue yet. */
  get lists(): PendingLists {
    const { queued, sent } = this.#transmission;
    return { held: this.held, waiting: queued, sent, retrying: this.delayed };
  }

  /**
   * Nothing waits for the link, for credit, for room or for another try, no part of a large message for its turn, and no more than `most`
   * for an outcome.
   */
  hasWritten(most: number): boolean {
    const { size } = this.#transmission.sent;
    return this.#busy === size && size <= most && this.#link.current?.isWriting !== true;
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
    if (refusal !== undefined) throw refusal;
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
    } else if (this.#startWaiting(pending)) this.#transmission.begin(pending);
    else this.#leaveRoom(pending);
  }

  /** @param whenFull `queue`: waits for room, however many do already */
  submit(pending: PendingSend, whenFull: 'fail' | 'wait' | 'queue'): void {
    const { room } = this.#parts;
    pending.transaction?.sendStarted(pending);
    const obstacle = this.#refusal(pending);
    if (obstacle !== undefined) return this.#settle(pending, obstacle);
    if (room.enter(pending)) {
      if (this.#startWaiting(pending)) this.#transmission.begin(pending);
      else this.#leaveRoom(pending);
      return;
    }
    const refusal = room.refusal(pending, whenFull);
    if (refusal !== undefined) return this.#settle(pending, refusal);
    if (this.#startWaiting(pending)) room.waiting.append(pending);
  }

  // What the link says of one message.

  settled(pending: PendingSend, outcome: Outcome | undefined, problem: string | undefined): void {
    if (pending.list !== this.#transmission.sent) return;
    if (outcome?.kind === 'accepted' || (outcome === undefined && pending.presettled))
      return this.#finish(pending, successOf(pending, outcome, true));
    if (outcome === undefined) return this.#finish(pending, this.#parts.failures.withoutOutcome(pending, problem));
    if (outcome.kind === 'released' && !(pending.mandatory ?? this.#link.mandatory))
      return this.#finish(pending, successOf(pending, outcome, false));
    this.#failedTransfer(pending, this.#parts.failures.outcome(pending, outcome), false);
  }

  lost(pending: PendingSend, error: AmqpError, written: boolean): void {
    if (pending.list !== this.#transmission.sent) return;
    if (!written) {
      // Nobody saw it: it takes its old place again, as if it had not been tried.
      pending.attempts--;
      return this.#transmission.again(pending);
    }
    const failure = this.#parts.failures.link(pending, error, true);
    if (this.#parts.options.onConnectionLost === 'fail') return this.#finish(pending, failure);
    pending.inDoubt = true;
    this.#failedTransfer(pending, failure, true, this.#parts.context.links.follows?.(error));
  }

  expired(pending: PendingSend): void {
    const { failures, room } = this.#parts;
    const written = pending.list === this.#transmission.sent;
    const unsent = this.#link.current === undefined ? 'link' : 'credit';
    const isWaiting = pending.list === room.waiting;
    const waitedFor = isWaiting ? 'room in the queue' : written ? 'outcome' : unsent;
    this.#finish(pending, failures.timeout(pending, waitedFor, written, this.#link.lastError));
    if (isWaiting) this.#admit();
  }

  aborted(pending: PendingSend): void {
    const isWaiting = pending.list === this.#parts.room.waiting;
    this.#finish(pending, this.#parts.failures.aborted(pending, pending.list === this.#transmission.sent));
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
    this.#transmission.goOn();
  }

  /** A link that is refused fails what waits for it, unless the policy says to wait. */
  linkLost(error: AmqpError, refused: boolean): void {
    if (!refused) {
      // A link that does not come back by itself.
      if (this.#transmission.queued.size > 0) this.#link.want();
      return;
    }
    for (const pending of [...this.#transmission.queued.snapshot(), ...this.#parts.room.waiting.snapshot()]) {
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
    if (this.#busy > 0) await this.#waiters.wait(timeoutMs);
  }

  /** Waits for what is pending, fails the rest, detaches. Messages that were only held stay where they can be looked at. */
  async close(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    this.#isClosed = true;
    await this.flush(timeoutMs);
    this.#failAll((pending, written) => this.#parts.failures.closed(pending, written));
    this.#transmission.stop();
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

  #failedTransfer(pending: PendingSend, failure: SendError, lost: boolean, follows?: boolean): void {
    const decision = this.#retries.decide(pending, failure, lost, follows);
    if (decision === undefined) return this.#finish(pending, failure);
    if (decision.counts) pending.retries++;
    if (decision.delayMs === 0) return this.#transmission.again(pending);
    pending.list?.remove(pending);
    this.delayed.append(pending);
    pending.retryTimer = setTimeout(() => this.#transmission.again(pending), decision.delayMs);
  }

  #failAll(failure: (pending: PendingSend, written: boolean) => SendError): void {
    const { queued, sent } = this.#transmission;
    for (const list of [this.#parts.room.waiting, queued, this.delayed, sent])
      for (const pending of list.snapshot())
        // The others of a transaction end with the first.
        if (pending.list !== undefined) this.#finish(pending, failure(pending, pending.list === sent));
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
    if (this.#waiters.areThere && this.#busy === 0) this.#waiters.tell();
  }

  #leaveRoom(pending: PendingSend): void {
    if (this.#parts.room.leave(pending)) this.#admit();
  }

  /** After one has left the room, or the way to it: whoever stood behind it may fit. */
  #admit(): void {
    const { room } = this.#parts;
    for (let next = room.admit(); next !== undefined; next = room.admit()) {
      // Its own deadline may have come with the one that made the room: then it must not be written any more.
      if (next.deadlineAt > performance.now()) this.#transmission.begin(next);
      else this.#finish(next, this.#parts.failures.timeout(next, 'room in the queue', false, this.#link.lastError));
    }
  }

  #settle(pending: PendingSend, result: SendSuccess | SendError): void {
    reportResult(pending, result, this.#parts.context.observers);
    pending.transaction?.sendEnded(pending, result instanceof Error ? result : undefined);
  }

  get #busy(): number {
    const { queued, sent } = this.#transmission;
    return queued.size + sent.size + this.delayed.size + this.#parts.room.waiting.size;
  }
}
