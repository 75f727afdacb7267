/** How a delivery ended, in the words of AMQP 1.0 section 3.4. */
export type Outcome =
  | { readonly kind: 'accepted' }
  | {
      readonly kind: 'rejected';
      readonly condition?: string | undefined;
      readonly description?: string | undefined;
      readonly info?: Record<string, unknown> | undefined;
    }
  | { readonly kind: 'released' }
  | {
      readonly kind: 'modified';
      readonly deliveryFailed: boolean;
      readonly undeliverableHere: boolean;
      readonly messageAnnotations?: Record<string, unknown> | undefined;
    };

/** Shared value: the outcome of nearly every delivery. */
export const ACCEPTED: Outcome = Object.freeze({ kind: 'accepted' });
/** Shared value. */
export const RELEASED: Outcome = Object.freeze({ kind: 'released' });
