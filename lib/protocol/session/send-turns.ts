// A message leaving: which link writes next when the stream or a session's window had been full.

import type { Writer } from '../socket/writer.js';
import type { PlaneSender } from './sender.js';

/** Messages, or frames of a large one, that a link writes before another waiting one has its turn. */
const QUANTUM = 64;

/** Links that were refused for want of room, in the order in which they were refused. */
export class WaitingSenders {
  private readonly links: PlaneSender[] = [];

  get isEmpty(): boolean {
    return this.links.length === 0;
  }

  add(link: PlaneSender): void {
    if (link.isWaiting) return;
    link.isWaiting = true;
    this.links.push(link);
  }

  take(): PlaneSender | undefined {
    const link = this.links.shift();
    if (link !== undefined) link.isWaiting = false;
    return link;
  }
}

/** Gives room to the links round robin. */
export class SendTurns {
  /** Links that wait for the stream. Those that wait for a session's window stand with the session. */
  private readonly waiting = new WaitingSenders();
  private turnOf: PlaneSender | undefined;
  private left = 0;

  constructor(private readonly writer: Writer) {}

  /**
   * Whether this link may write a frame now. If not, it stands in a queue and gets a turn later.
   * Asked for every message: no allocation.
   */
  admits(link: PlaneSender): boolean {
    const session = link.session;
    if (session.remoteIncomingWindow <= 0) {
      session.waiting.add(link);
      return false;
    }
    if (this.writer.isFull) {
      this.waiting.add(link);
      return false;
    }
    if (this.turnOf === link && --this.left < 0 && !(this.waiting.isEmpty && session.waiting.isEmpty)) {
      (session.waiting.isEmpty ? this.waiting : session.waiting).add(link);
      return false;
    }
    return true;
  }

  /** The link has something to hope for: credit came. It gets a turn now, or stands in line where there is no room. */
  offer(link: PlaneSender): void {
    if (!link.isWaiting && this.admits(link)) this.give(link);
  }

  /** The stream has room again. */
  run(): void {
    while (!this.writer.isFull) {
      const link = this.waiting.take();
      if (link === undefined) return;
      this.give(link);
    }
  }

  /** The session's window opened. */
  runSession(waiting: WaitingSenders, hasWindow: () => boolean): void {
    while (hasWindow() && !this.writer.isFull) {
      const link = waiting.take();
      if (link === undefined) return;
      this.give(link);
    }
    // What is left waits for the stream only when the window is open.
    while (hasWindow()) {
      const link = waiting.take();
      if (link === undefined) return;
      this.waiting.add(link);
    }
  }

  private give(link: PlaneSender): void {
    const before = this.turnOf;
    this.turnOf = link;
    this.left = QUANTUM;
    link.takeTurn();
    this.turnOf = before;
  }
}
