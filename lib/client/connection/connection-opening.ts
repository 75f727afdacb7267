// Who waits for the connection to open, and for how long. The attempts end when nobody does.

import { AmqpError, ConnectionError } from '../../protocol/index.js';
import { deadline, raceSignal } from '../deadline.js';
import type { ConnectionLife } from './connection-life.js';

export class ConnectionOpening {
  #openers = 0;
  /** One of the openers is here for the links. */
  #isWantedByLinks = false;

  /** @param attempts how many there were since the last success */
  constructor(
    private readonly life: ConnectionLife,
    private readonly bootTimeoutMs: number,
    private readonly attempts: () => number,
  ) {}

  async open(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const wait = deadline(this.bootTimeoutMs, () => this.#tookTooLong(), signal);
    this.#openers += 1;
    try {
      await raceSignal(this.life.open(), wait.signal);
    } finally {
      this.#openers -= 1;
      wait.done();
      if (wait.signal.aborted && this.#openers === 0) this.life.giveUpBoot(givenUp(wait.signal.reason));
    }
  }

  /**
   * A first use opens the connection, and keeps an attempt alive that who asked for it gives up; whoever waits for its link hears of a
   * failure there.
   */
  forLinks(): void {
    if (this.#isWantedByLinks) return;
    this.#isWantedByLinks = true;
    const over = (): void => {
      this.#isWantedByLinks = false;
    };
    this.open().then(over, over);
  }

  #tookTooLong(): Error {
    const { cause } = this.life;
    const after = `not connected within bootTimeoutMs (${this.bootTimeoutMs} ms)`;
    if (cause === undefined) return AmqpError.inOwnWords(new ConnectionError('connect-timeout', after));
    const message = `${after}, ${this.attempts()} attempts; the last one: ${cause.message}`;
    const error = new ConnectionError('connect-failed', message, { cause, condition: cause.condition });
    return AmqpError.inWordsOf(cause, error);
  }
}

function givenUp(reason: unknown): AmqpError {
  if (reason instanceof AmqpError) return reason;
  return AmqpError.inOwnWords(new ConnectionError('connect-failed', 'open() was aborted', { cause: reason }));
}
