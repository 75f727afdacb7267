import type { AmqpMessage, Outcome } from '../client/index.js';

/** A message as it was seen: its sections, a JSON or text body decoded. */
export interface RecordedMessage extends AmqpMessage {
  /** Failed deliveries before. */
  readonly deliveryCount: number;
  /** How it ended; absent while it has not, and for a message sent pre-settled. */
  readonly outcome?: Outcome;
}

/** A copy that later changes to the message do not reach. */
export function recordedMessage(message: AmqpMessage, deliveryCount: number, outcome?: Outcome): RecordedMessage {
  const { header, deliveryAnnotations, messageAnnotations, properties, applicationProperties, footer, bodyType } =
    message;
  return {
    header: header && { ...header },
    deliveryAnnotations: deliveryAnnotations && { ...deliveryAnnotations },
    messageAnnotations: messageAnnotations && { ...messageAnnotations },
    properties: properties && { ...properties },
    applicationProperties: applicationProperties && { ...applicationProperties },
    footer: footer && { ...footer },
    body: readableBody(message),
    bodyType,
    deliveryCount,
    ...(outcome === undefined ? {} : { outcome }),
  };
}

/** What a test compares with: the bytes of JSON and text as their value, everything else as it is. */
function readableBody({ body, properties }: AmqpMessage): unknown {
  if (!Buffer.isBuffer(body)) return body;
  const type = properties?.contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type.startsWith('text/')) return body.toString();
  if (!/^application\/(.+\+)?json$/.test(type)) return body;
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    return body; // malformed on purpose, as tests do
  }
}
