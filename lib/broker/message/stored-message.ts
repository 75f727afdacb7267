import { type AmqpMessage, DecodeError } from '../../protocol/acceptor/index.js';
import type { QueuedMessage } from './queued-message.js';

/**
 * A message in a queue. A JSON or text body is decoded by its content type, other data are a Buffer. A dead letter has the message annotations
 * `x-opt-death-reason` (`rejected`, `max-deliveries`, `expired`, `undeliverable`, `max-length`), `x-opt-death-queue`, and with `rejected`
 * `x-opt-death-condition` and `x-opt-death-description` where the receiver gave them.
 */
export interface StoredMessage extends AmqpMessage {
  /** Deliveries that failed. */
  deliveryCount: number;
}

/** A decoded copy. One that cannot be decoded comes as its bytes, body type `data`. */
export function storedMessage(queued: QueuedMessage): StoredMessage {
  const { content, deliveryCount } = queued;
  const annotations =
    Object.keys(queued.currentAnnotations).length === 0 ? undefined : { ...queued.currentAnnotations };
  try {
    const message = content.decode();
    delete message.deliveryAnnotations;
    return {
      ...message,
      header: { ...message.header, deliveryCount, firstAcquirer: !queued.redelivered },
      messageAnnotations: annotations,
      body: readableBody(message),
      deliveryCount,
    };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { messageAnnotations: annotations, body: Buffer.from(content.bytes), bodyType: 'data', deliveryCount };
  }
}

/** As the client's built-in codecs would have it; what does not fit its content type stays a Buffer. */
function readableBody({ body, bodyType, properties }: AmqpMessage): unknown {
  if (bodyType !== 'data' || !Buffer.isBuffer(body)) return body;
  const contentType = properties?.contentType?.toLowerCase() ?? '';
  if (contentType.startsWith('text/')) return body.toString('utf8');
  if (!/^application\/(?:[\w.-]+\+)?json\b/u.test(contentType)) return body;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return value;
  } catch {
    // A malformed body is what a test of such a case wants to see.
    return body;
  }
}
