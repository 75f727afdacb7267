import { RELEASED, type AmqpError, type Outcome } from '../../protocol/index.js';
import type { LinkStatus } from '../link/link-status.js';
import type { IncomingMessage } from '../message/incoming-message.js';

/** Who consumes. None of these may throw. */
export interface Consumer {
  /** Of its link's status. */
  readonly takenBy: LinkStatus['takenBy'];
  delivered(message: IncomingMessage): void;
  attached(): void;
  /** The link is gone with all that was not settled; the connection goes on trying. */
  lost(error: AmqpError): void;
  /** Given up. `start` begins anew. */
  failed(error: AmqpError): void;
  /** A settlement was undone with its transaction; the message is in hand again. */
  rolledBack(message: IncomingMessage): void;
}

/** How a message goes back whose settlement was rolled back: counted, as peers count it that take it back themselves. */
export const FAILED_DELIVERY: Outcome = Object.freeze({
  kind: 'modified',
  deliveryFailed: true,
  undeliverableHere: false,
});

/** Messages that come before anybody consumes (or after) go back. */
export const NOBODY: Consumer = {
  takenBy: 'calls',
  delivered: (message) => void message.settle(RELEASED),
  attached: () => undefined,
  lost: () => undefined,
  failed: () => undefined,
  rolledBack: (message) => void message.settle(FAILED_DELIVERY),
};
