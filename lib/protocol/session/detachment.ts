// Our own DETACH of a link: first what is under way may end, then the frame, then the peer's answer; all within one time.

import type { PeerError } from '../errors.js';

export interface DetachOptions {
  readonly closed: boolean;
  readonly error?: PeerError | undefined;
}

export interface DetachableLink {
  /** Nothing is under way that would be lost. */
  readonly isIdle: boolean;
  readonly isAttached: boolean;
  writeDetach(options: DetachOptions): void;
}

/** One `detach()` of a link under way; begins with the first `progress()`. */
export class Detachment {
  readonly finished: Promise<void>;

  private resolve: () => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;
  private isWritten = false;

  constructor(
    private readonly link: DetachableLink,
    private readonly options: DetachOptions,
    timeoutMs: number,
  ) {
    this.finished = new Promise((resolve) => {
      this.resolve = resolve;
    });
    this.timer = setTimeout(() => this.expire(), timeoutMs);
  }

  /** Something that was under way ended. */
  progress(): void {
    if (!this.isWritten && this.link.isIdle) this.write();
  }

  /** The peer's DETACH came, or the link ended otherwise. */
  finish(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isWritten = true;
    this.resolve();
  }

  private write(): void {
    this.isWritten = true;
    if (this.link.isAttached) this.link.writeDetach(this.options);
    else this.finish();
  }

  private expire(): void {
    if (!this.isWritten) this.write();
    this.finish();
  }
}
