// A message arriving, for those who fetch: the credit that it comes for, and the question whether there are more.

import { raceSignal } from '../deadline.js';
import type { Arrivals } from './arrivals.js';
import type { Receiver } from './receiver.js';

interface AskingParts {
  /** What came too much. */
  giveBack(): void;
  closedError(): Error;
}

/** A prefetch while somebody fetches, or credit for no more than the calls wait for. */
export class Asking {
  /** Calls that wait for messages, and how many messages they wait for together. */
  #calls = 0;
  #wanted = 0;
  /** Drains happen one after another: each answers for what was there when it began. */
  #draining: Promise<unknown> = Promise.resolve();
  /** Links so far, so that one can tell whether it is still the same. */
  #links = 0;
  #isActive = false;
  #isClosed = false;

  /** @param prefetch 0: the peer is given credit only for what is asked for */
  constructor(
    private readonly receiver: Receiver,
    private readonly prefetch: number,
    private readonly arrivals: Arrivals,
    private readonly parts: AskingParts,
  ) {}

  /** There is no credit but for calls that wait. */
  get isByCall(): boolean {
    return this.prefetch === 0;
  }

  /** A call waits for messages. */
  get isAsked(): boolean {
    return this.#calls > 0;
  }

  /** Somebody fetched since the last rest. */
  get isActive(): boolean {
    return this.#isActive;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
  }

  attached(): void {
    this.#links++;
    this.#demand();
  }

  /**
   * Asks for so many messages while `work` waits; what of the credit was not used goes back.
   *
   * @param work waits until there is something to take, and says how it is taken
   */
  async during<T>(wanted: number, work: () => Promise<() => T>): Promise<T> {
    this.#calls++;
    this.#wanted += wanted;
    let take: (() => T) | undefined = undefined;
    try {
      take = await work();
    } finally {
      this.#wanted -= wanted;
      // What comes while the credit is taken back is still asked for, and so is what has come in part.
      const isLast = this.prefetch === 0 && this.#calls === 1 && !this.#isClosed;
      const drained = isLast ? this.#drain().catch(() => undefined) : undefined;
      if (take !== undefined) await drained;
      this.#calls--;
    }
    const taken = take();
    this.#demand();
    return taken;
  }

  /** Credit from now on. Resolves when there is a link, or something is here. @throws what the attach fails with; that it is closed */
  async activate(): Promise<void> {
    if (this.#isClosed) throw this.parts.closedError();
    if (!this.#isActive) {
      this.#isActive = true;
      this.receiver.setPrefetch(this.prefetch);
    }
    this.#demand();
    if (this.receiver.isAttached || this.arrivals.length > 0) return;
    await this.receiver.start('bounded');
  }

  /** Takes the credit back until somebody fetches again; in its turn. */
  rest(): Promise<void> {
    this.#isActive = false;
    return this.#drain();
  }

  /** What the peer has now is here when it resolves. Asked again when the link is lost meanwhile. */
  async ask(maxMessages: number, signal: AbortSignal | undefined): Promise<void> {
    while (this.arrivals.length === 0 && !this.#isClosed) {
      const link = this.#links;
      let isOver = false;
      let asked = 0;
      // In its turn it asks for what is there, not for credit once the drain is over.
      const ask = (): void => {
        if (isOver) return;
        this.#demand();
        asked = maxMessages;
        this.#wanted -= asked;
      };
      const drained = this.#drain(ask).then(
        // Without a link nobody was asked.
        () => this.receiver.isAttached && link === this.#links,
        (error: unknown) => {
          if (this.receiver.isAttached && link === this.#links) throw error;
          return false;
        },
      );
      try {
        if (await (signal === undefined ? drained : raceSignal(drained, signal))) return;
      } finally {
        isOver = true;
        this.#wanted += asked;
      }
      const active = this.activate();
      await (signal === undefined ? active : raceSignal(active, signal));
    }
  }

  /** Without a prefetch: credit for what the calls wait for, and no more. Nobody waits: what came too much goes back. */
  #demand(): void {
    if (this.prefetch > 0) return;
    if (this.#calls === 0 && this.arrivals.length > 0) this.parts.giveBack();
    const missing = this.#wanted - this.arrivals.length - this.receiver.credit;
    if (missing > 0) this.receiver.addCredit(missing);
  }

  /** @param begin its turn has come */
  #drain(begin?: () => void): Promise<void> {
    const drained = this.#draining.then(async () => {
      try {
        begin?.();
        await this.receiver.drain();
      } finally {
        if (this.#isActive && !this.#isClosed) {
          this.receiver.setPrefetch(this.prefetch);
          // For those who began to wait meanwhile.
          this.#demand();
        }
      }
    });
    this.#draining = drained.catch(() => undefined);
    return drained;
  }
}
