// How one queue behaves: every default filled in, whichever way it was declared.

/** Where a queue's dead letters go: an exchange (`''` is the one that knows every queue by name). */
export interface DeadLetterRoute {
  readonly exchange: string;
  /** `undefined`: the key the message came with. */
  readonly routingKey: string | undefined;
}

export interface QueueSettings {
  /** Makes no difference here; `undefined`: any, in a comparison. */
  readonly type: 'classic' | 'quorum' | undefined;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly messageTtlMs: number | undefined;
  /** The queue goes when nobody consumed from it for so long. */
  readonly expiresMs: number | undefined;
  readonly maxLength: number | undefined;
  readonly maxLengthBytes: number | undefined;
  readonly overflow: 'drop-head' | 'reject-publish';
  readonly deadLetter: DeadLetterRoute | undefined;
  readonly maxPriority: number | undefined;
  /** Deliveries in all; the message is a dead letter when the last of them failed. */
  readonly maxDeliveries: number | undefined;
  /** Arguments that mean nothing here; kept so that a second declaration can be compared. */
  readonly otherArguments: Readonly<Record<string, unknown>>;
}

export const DEFAULT_QUEUE: QueueSettings = Object.freeze({
  type: undefined,
  durable: true,
  exclusive: false,
  autoDelete: false,
  messageTtlMs: undefined,
  expiresMs: undefined,
  maxLength: undefined,
  maxLengthBytes: undefined,
  overflow: 'drop-head',
  deadLetter: undefined,
  maxPriority: undefined,
  maxDeliveries: undefined,
  otherArguments: Object.freeze({}),
});
