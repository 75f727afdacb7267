// A message leaving: queue -> link, as many as that takes, in the order of the calls.

import type { SendError } from '../errors.js';
import { completeSend, type SendPeer } from './complete-send.js';
import type { PendingSend } from './pending-send.js';
import type { SendFailures } from './send-failures.js';
import type { SendLink } from './send-link.js';
import { SendList } from './send-list.js';

/** Messages written in one turn before others get theirs. */
const MOST_PER_TURN = 256;

export interface TransmissionParts {
  readonly link: SendLink;
  readonly failures: SendFailures;
  readonly impersonate: boolean;
  /** It cannot be written, now or later. */
  readonly failed: (pending: PendingSend, error: SendError) => void;
}

/** Writes what waits. What stands in `queued` was not written, or will be again; what stands in `sent` was. */
export class Transmission {
  /** Waiting for the link, or for credit. */
  readonly queued = new SendList();
  /** Written, without an outcome. */
  readonly sent = new SendList();
  readonly #parts: TransmissionParts;
  #later: NodeJS.Immediate | undefined = undefined;

  constructor(parts: TransmissionParts) {
    this.#parts = parts;
  }

  /** At once when nothing stands before it; else it takes its place, and the link is asked for. */
  begin(pending: PendingSend): void {
    const { link } = this.#parts;
    if (this.queued.size === 0 && link.current !== undefined && this.#transfer(pending)) return;
    this.queued.append(pending);
    if (link.current === undefined) link.want();
  }

  /** Back to its place by the order of the calls. */
  again(pending: PendingSend): void {
    pending.list?.remove(pending);
    this.queued.insertBySequence(pending);
    if (this.#parts.link.current === undefined) this.#parts.link.want();
    else this.goOn();
  }

  /** There may be room. */
  goOn(): void {
    for (let written = 0; this.queued.first !== undefined; written++) {
      if (written === MOST_PER_TURN) {
        this.#later ??= setImmediate(() => {
          this.#later = undefined;
          this.goOn();
        });
        return;
      }
      if (!this.#transfer(this.queued.first)) return;
    }
  }

  stop(): void {
    if (this.#later !== undefined) clearImmediate(this.#later);
  }

  /** `false`: the link takes nothing now, and the message stays where it is. */
  #transfer(pending: PendingSend): boolean {
    const { failures, failed } = this.#parts;
    const link = this.#parts.link.current;
    if (link === undefined || !link.isOpen || pending.isCompressing) return false;
    if (pending.unfinished !== undefined || pending.transaction !== undefined) {
      const problem = completeSend(pending, this.#peer, failures);
      if (problem !== undefined) {
        failed(pending, problem);
        return true;
      }
    }
    try {
      if (!link.send(pending)) return false;
    } catch (error) {
      failed(pending, failures.encode(error));
      return true;
    }
    pending.attempts++;
    pending.list?.remove(pending);
    this.sent.append(pending);
    return true;
  }

  get #peer(): SendPeer {
    const { link, impersonate } = this.#parts;
    return { profile: link.profile, user: impersonate ? undefined : link.user };
  }
}
