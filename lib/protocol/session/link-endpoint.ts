// What a link that sends and one that receives have in common: how it attaches, detaches and ends.

import { linkDetached, linkDetachedHere } from '../amqp-error.js';
import type { RemoteAttach } from '../links.js';
import type { AmqpError, PeerError } from '../errors.js';
import type { AttachFrame, DetachFrame } from '../frames/control-frames.js';
import { rethrowLater } from './callback.js';
import { Detachment, type DetachOptions } from './detachment.js';
import { NOTHING_REMOTE, remoteOf, type LinkEnd } from './link-end.js';
import type { PlaneSession } from './session.js';

export interface EndpointOptions {
  readonly name: string;
  /** For messages of errors. */
  readonly address: string;
  /** The peer's ATTACH came. */
  readonly onAttached?: ((frame: AttachFrame) => void) | undefined;
  /** Once, however it ended, but by a detach of ours. */
  readonly onClosed: (end: LinkEnd) => void;
}

export abstract class LinkEndpoint {
  abstract readonly role: 'sender' | 'receiver';
  /** Nothing is under way that a DETACH now would lose. */
  abstract readonly isIdle: boolean;

  readonly name: string;
  readonly address: string;
  remote: RemoteAttach = NOTHING_REMOTE;
  handle = -1;
  credit = 0;
  isOpen = false;
  isAttachReceived = false;
  isDetachSent = false;
  isDetachReceived = false;

  protected isAttachSent = false;
  protected isEnded = false;
  protected detachment: Detachment | undefined;

  constructor(
    readonly session: PlaneSession,
    private readonly endpoint: EndpointOptions,
  ) {
    this.name = endpoint.name;
    this.address = endpoint.address;
  }

  /** A DETACH of ours is possible, and due some day. */
  get isAttached(): boolean {
    return this.isAttachSent && !this.isDetachSent && !this.isEnded;
  }

  detach(how: DetachOptions & { readonly timeoutMs: number }): Promise<void> {
    if (this.detachment !== undefined) return this.detachment.finished;
    if (!this.isAttached) return Promise.resolve();
    this.isOpen = false;
    this.detachment = new Detachment(this, how, how.timeoutMs);
    this.detachment.progress();
    return this.detachment.finished;
  }

  /** DETACH closed at once, with the error; `onClosed` is not called. */
  close(error?: PeerError): void {
    if (this.isAttached) this.writeDetach({ closed: true, error });
  }

  /** Has the control plane write DETACH, behind what belongs before it. */
  abstract writeDetach(how: DetachOptions): void;

  attachSent(frame: AttachFrame): void {
    this.handle = frame.handle;
    this.isAttachSent = true;
    this.isOpen = this.isAttachReceived && !this.isEnded;
  }

  attachReceived(frame: AttachFrame): void {
    this.remote = remoteOf(frame);
    this.isAttachReceived = true;
    this.isOpen = this.isAttachSent && !this.isEnded;
    try {
      this.endpoint.onAttached?.(frame);
    } catch (error) {
      rethrowLater(error);
    }
  }

  detachSent(): void {
    this.isDetachSent = true;
    this.finish(linkDetachedHere(this), undefined);
    if (this.isDetachReceived) this.detachment?.finish();
  }

  detachReceived(frame: DetachFrame): void {
    this.isDetachReceived = true;
    const { closed, error: peerError } = frame;
    this.end({ error: linkDetached(this, peerError), closed, bySession: false, peerError });
  }

  /** The link is over. What waits on it is told, and so is its owner, unless we detached. */
  end(how: LinkEnd): void {
    this.finish(how.error, this.detachment === undefined ? how : undefined);
    this.detachment?.finish();
  }

  /** What waits on the link fails with the error. Once. */
  protected abstract release(error: AmqpError): void;

  private finish(error: AmqpError, tellOwner: LinkEnd | undefined): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.isOpen = false;
    this.credit = 0;
    this.release(error);
    if (tellOwner === undefined) return;
    try {
      this.endpoint.onClosed(tellOwner);
    } catch (thrown) {
      rethrowLater(thrown);
    }
  }
}
