// One link of a client between its first ATTACH and its last DETACH: our promise above, rhea-promise's underneath.

import { attachRefused, attachRefusedBySession } from '../amqp-error.js';
import { AmqpError, LinkError } from '../errors.js';
import type { AttachFrame } from '../frames/control-frames.js';
import type { DetachOptions } from '../session/detachment.js';
import type { LinkEnd } from '../session/link-end.js';
import type { PlaneLink } from '../session/session.js';
import type { RheaReceiver, RheaSender } from './rhea.js';

/** What goes into our ATTACH; rhea adds the handle. */
export type AttachRequest = Omit<AttachFrame, 'kind' | 'handle'>;

/** rhea-promise's object for a link, as soon as it has one. */
export type RheaLinkPromise = Promise<RheaSender | RheaReceiver>;

export class Attachment {
  /** What our DETACH says; without it, it repeats what the peer's said. */
  how: DetachOptions | undefined;
  /** The `closed` of the peer's DETACH. */
  remoteClosed: boolean | undefined;
  /** The handle under which rhea knows the link as attached. */
  remoteHandle: number | undefined;
  /** rhea was told to detach and waits for the peer. */
  isClosing = false;

  private resolve: () => void = () => undefined;
  private reject: (error: unknown) => void = () => undefined;
  private readonly answered: Promise<void>;
  private ended: LinkEnd | undefined;
  private isHandedOver = false;
  private readonly rheaAbort = new AbortController();
  private rheaLink: RheaLinkPromise | undefined;

  /** @param rheaName unique for rhea, which cannot tell a sender and a receiver of one name apart */
  constructor(
    readonly rheaName: string,
    readonly request: AttachRequest,
    private readonly address: string,
    private readonly onClosed: (error: AmqpError) => void,
  ) {
    this.answered = new Promise<void>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Waited for in `settle`; until then nobody is missing a handler.
    this.answered.catch(() => undefined);
  }

  /** Starts rhea's part; its own promise only tells when it is done with it. */
  begin(attach: (signal: AbortSignal) => RheaLinkPromise): void {
    this.rheaLink = attach(this.rheaAbort.signal);
    this.rheaLink.catch(() => undefined); // whatever it is, the data plane has seen it on the wire
  }

  /** The peer's answer, our abort, or the end of the session, whichever comes first. @throws what ended it */
  async settle(link: PlaneLink, signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.answered;
      if (this.ended !== undefined) throw this.refusal(this.ended);
      this.isHandedOver = true;
    } catch (error) {
      this.giveUp(link, error);
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** The peer's ATTACH. One without the terminus that was asked for announces a refusal: DETACH follows with the reason. */
  attachReceived(frame: AttachFrame): void {
    const terminus = frame.role === 'receiver' ? (frame.coordinator ?? frame.target) : frame.source;
    if (terminus !== undefined) this.resolve();
  }

  /** The link ended, and we did not ask for it. */
  linkEnded(end: LinkEnd): void {
    if (this.isHandedOver) {
      this.onClosed(end.error);
      return;
    }
    this.ended = end;
    this.reject(this.refusal(end));
  }

  /** Has rhea write DETACH, which `FrameExchange` fills in from `how`. */
  detach(how: DetachOptions): void {
    this.how = how;
    this.isClosing = true;
    this.rheaLink?.then((link) => link.close({ closeSession: false })).catch(() => undefined); // our own wait has its deadline
  }

  /** Stops rhea's wait for an answer; if one comes after all, rhea detaches the link again. */
  abandonRhea(): void {
    this.rheaAbort.abort();
  }

  private giveUp(link: PlaneLink, error: unknown): void {
    this.isHandedOver = false;
    this.ended ??= {
      error: error instanceof AmqpError ? error : abandoned(this.request.name),
      closed: false,
      bySession: false,
      peerError: undefined,
    };
    link.end(this.ended);
    if (this.remoteHandle === undefined) this.abandonRhea();
    else this.detach({ closed: true }); // answered, but with nothing that could be used
  }

  private refusal(end: LinkEnd): AmqpError {
    const identity = { name: this.request.name, address: this.address };
    if (!(end.error instanceof LinkError)) return end.error;
    return end.bySession ? attachRefusedBySession(identity, end.peerError) : attachRefused(identity, end.peerError);
  }
}

function abandoned(name: string): AmqpError {
  return AmqpError.inOwnWords(new AmqpError('aborted', `attaching the link '${name}' was aborted`));
}
