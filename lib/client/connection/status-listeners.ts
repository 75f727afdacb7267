// Who hears of a connection's status. One that throws keeps nobody else from hearing.

import type { AmqpLogger } from '../client-context.js';
import { asError } from '../deadline.js';
import type { StatusEvent } from './status.js';

export type StatusListener = (event: StatusEvent) => void;

export class StatusListeners {
  readonly #listeners = new Set<StatusListener>();

  constructor(private readonly logger: AmqpLogger) {}

  add(listener: StatusListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: StatusListener): void {
    this.#listeners.delete(listener);
  }

  readonly tell = (event: StatusEvent): void => {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.logger.error(`a status listener threw: ${asError(error).message}`);
      }
    }
  };
}
