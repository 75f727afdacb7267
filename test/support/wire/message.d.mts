/** A message of the test side, sections by name. */
export interface WireMessage {
  header?: { durable?: boolean; priority?: number; ttl?: number; firstAcquirer?: boolean; deliveryCount?: number };
  deliveryAnnotations?: Record<string, unknown>;
  messageAnnotations?: Record<string, unknown>;
  properties?: {
    messageId?: unknown;
    userId?: Uint8Array;
    to?: string;
    subject?: string;
    replyTo?: string;
    correlationId?: unknown;
    contentType?: string;
    contentEncoding?: string;
    absoluteExpiryTime?: Date;
    creationTime?: Date;
    groupId?: string;
    groupSequence?: number;
    replyToGroupId?: string;
  };
  applicationProperties?: Record<string, unknown>;
  /** Encoding: one or several data sections. Decoding: one Buffer. */
  data?: Buffer | string | readonly (Buffer | string)[];
  sequence?: readonly unknown[][];
  value?: unknown;
  footer?: Record<string, unknown>;
}
export interface DecodedWireMessage extends WireMessage {
  data?: Buffer;
}
/** The encoded sections. */
export declare function encodeMessage(message: WireMessage): Buffer;
/** The sections of an encoded message. */
export declare function decodeMessage(bytes: Buffer): DecodedWireMessage;
