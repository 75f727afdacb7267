import type { Outcome } from '../../protocol/index.js';
import type { Target } from '../address/address.js';
import type { ReceivedMessage } from '../message/received-message.js';

/** A delivery whose handler failed. */
export interface FailedDelivery {
  readonly message: ReceivedMessage;
  readonly address: string;
  /** Calls of the handler within this delivery, the failed one included, from 1. */
  readonly attempt: number;
  /** The header's delivery-count: failed deliveries before this one. */
  readonly deliveryCount: number;
  /** `false`: this queue never raises `deliveryCount`, so that a redelivery could go on for ever. Absent: it does. */
  readonly countsDeliveries?: boolean;
  /** Pauses of the consumer that its policy asked for since a handler of it last succeeded. Absent: 0. */
  readonly pauses?: number;
}

/** What is done with a message whose handler failed. */
export type PolicyDecision =
  /** Calls the handler again after the delay; the message keeps its concurrency slot and its lane meanwhile. */
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'settle'; readonly outcome: Outcome }
  /** Holds the message for the delay, outside its slot and lane, then gives it back as a failed delivery. */
  | { readonly kind: 'redeliver'; readonly delayMs?: number }
  /** Sends a copy there, then accepts the message. */
  | { readonly kind: 'dead-letter'; readonly target: Target }
  /** Settles the message (released when `outcome` is left out) and pauses the consumer, which resumes by itself after the delay. */
  | { readonly kind: 'pause'; readonly delayMs: number; readonly outcome?: Outcome }
  /** Settles the message (released when `outcome` is left out), then closes the consumer. */
  | { readonly kind: 'stop'; readonly outcome?: Outcome };

/** Chooses what is done when a handler fails. One that throws, or answers something else, rejects the message. */
export type HandlerPolicy = (error: unknown, failed: FailedDelivery) => PolicyDecision | Promise<PolicyDecision>;

/** Failures so far, from 1 -> delay in milliseconds. */
export type Backoff = (failures: number) => number;
