import type { IncomingMessage } from '../message/incoming-message.js';

/** Gathers messages until there are `maxMessages`, or until `waitMs` after the first one somebody is free to take fewer. */
export class BatchGathering {
  #messages: IncomingMessage[] = [];
  #timer: NodeJS.Timeout | undefined = undefined;
  #isDue = false;

  /** @param due the wait is over; `take` hands out what there is */
  constructor(
    private readonly maxMessages: number,
    private readonly waitMs: number,
    private readonly due: () => void,
  ) {}

  /** A full batch, or `undefined`. */
  add(message: IncomingMessage): IncomingMessage[] | undefined {
    this.#messages.push(message);
    if (this.#messages.length === this.maxMessages) return this.#hand();
    this.#timer ??= setTimeout(() => {
      this.#isDue = true;
      this.due();
    }, this.waitMs);
    return undefined;
  }

  /** What has waited long enough, or `undefined`. */
  take(): IncomingMessage[] | undefined {
    return this.#isDue ? this.#hand() : undefined;
  }

  /** What there is has waited long enough. */
  hurry(): void {
    this.#isDue = this.#messages.length > 0;
  }

  /** Everything, however short it waited. */
  drain(): IncomingMessage[] {
    return this.#hand();
  }

  #hand(): IncomingMessage[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isDue = false;
    const batch = this.#messages;
    this.#messages = [];
    return batch;
  }
}
