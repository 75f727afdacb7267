// A message leaving among many that were given in one call: each has a result instead of a promise that may reject.

import type { SendError } from '../errors.js';
import type { MessagingContext } from '../messaging-context.js';
import type { SendOptions } from '../message/send-options.js';
import { sendBatchMessage } from './batch-send.js';
import { delayAnnotation } from './complete-send.js';
import type { ResolvedSendClientOptions } from './send-client-options.js';
import type { SendFailures } from './send-failures.js';
import type { SendLanes } from './send-lanes.js';
import { UNOBSERVED, type Observation, type SendPreparation } from './send-preparation.js';
import type { BatchSuccess, SendResult } from './send-result.js';

export interface BulkParts {
  readonly address: string;
  readonly context: MessagingContext;
  readonly options: ResolvedSendClientOptions;
  readonly lanes: SendLanes;
  readonly preparation: SendPreparation;
  readonly failures: SendFailures;
  /** The failure of what never became a message. */
  readonly unsendable: (cause: unknown, options: SendOptions | undefined) => SendError;
}

export class BulkSends {
  readonly #parts: BulkParts;

  constructor(parts: BulkParts) {
    this.#parts = parts;
  }

  /** Each value by itself. Only what their iterator throws rejects. */
  async each(
    values: Iterable<unknown>,
    options: SendOptions | ((value: unknown, index: number) => SendOptions) | undefined,
  ): Promise<SendResult[]> {
    const { lanes } = this.#parts;
    const results: Promise<SendResult>[] = [];
    for (const value of values) {
      // Not more than one of ours in the waiting room: the rest of the batch need not exist yet.
      for (const { sender, room } of lanes.all) if (!sender.isClosed && room.waiting.size > 0) await room.ready();
      const index = results.length;
      const own = typeof options === 'function' ? (): SendOptions => options(value, index) : options;
      results.push(this.#send(value, own, 'queue'));
    }
    return Promise.all(results);
  }

  /** All in as few transfers of the batch format as can be. Rejects SendError. */
  asOne(values: Iterable<unknown>, options: SendOptions): Promise<BatchSuccess> {
    const { address, context, lanes, preparation, failures } = this.#parts;
    const { maxPendingBytes, sendTimeoutMs, whenFull } = this.#parts.options;
    return sendBatchMessage(values, options, {
      address,
      maxPendingBytes,
      sendTimeoutMs,
      optionsOf: (given) => preparation.optionsOf(given) ?? {},
      make: (value, given) => preparation.message(value, given),
      observe: (message) => preparation.observe(message),
      sent: (tokens, result) => context.observers.sent(tokens, result),
      addedLater: (given) => preparation.addedLater(given),
      limit: ({ signal, transaction }, timeoutMs) => lanes.of(transaction).sender.messageLimit(timeoutMs, signal),
      delay: async ({ signal, transaction, delayMs = 0 }, timeoutMs) => {
        await lanes.of(transaction).sender.messageLimit(timeoutMs, signal);
        return delayAnnotation(delayMs, context.links.profile);
      },
      submit: (message, given, isFirst) => this.#send(message, given, isFirst ? whenFull : 'queue', UNOBSERVED),
      refusal: (cause) => failures.encode(cause),
    });
  }

  async #send(
    value: unknown,
    options: SendOptions | (() => SendOptions) | undefined,
    whenFull: 'fail' | 'wait' | 'queue',
    observation?: Observation,
  ): Promise<SendResult> {
    const { lanes, preparation, unsendable } = this.#parts;
    let given: SendOptions | undefined;
    try {
      given = typeof options === 'function' ? options() : options;
      const pending = preparation.prepare(value, given, observation);
      return await new Promise<SendResult>((resolve) => {
        pending.resolve = resolve;
        lanes.of(pending.transaction).sender.submit(pending, whenFull);
      });
    } catch (error) {
      return { ok: false, error: unsendable(error, given), attempts: 0 };
    }
  }
}
