import type { AmqpMessage, Outcome } from '../client/index.js';

/** A message as it was seen: its sections, with a JSON or text body as its value. */
export interface RecordedMessage extends AmqpMessage {
  /** Failed deliveries before. */
  readonly deliveryCount: number;
  /** How it ended; absent while it has not, and for a message sent pre-settled. */
  readonly outcome?: Outcome;
}

/** A copy that later changes to the message do not reach. */
export function recordedMessage(message: AmqpMessage, deliveryCount: number, outcome?: Outcome): RecordedMessage {
  const { header, deliveryAnnotations, messageAnnotations, properties, applicationProperties, footer } = message;
  const { body, bodyType } = message;
  return {
    header: header && { ...header },
    deliveryAnnotations: deliveryAnnotations && { ...deliveryAnnotations },
    messageAnnotations: messageAnnotations && { ...messageAnnotations },
    properties: properties && { ...properties },
    applicationProperties: applicationProperties && { ...applicationProperties },
    footer: footer && { ...footer },
    body,
    bodyType,
    deliveryCount,
    ...(outcome === undefined ? {} : { outcome }),
  };
}

/** Of a message that no codec has decoded: JSON and text as a test compares them, everything else as it is. */
export function readable<Message extends AmqpMessage>(message: Message): Message {
  const { body, bodyType, properties } = message;
  if (bodyType !== 'data' || (typeof body !== 'string' && !Buffer.isBuffer(body))) return message;
  const type = properties?.contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type.startsWith('text/')) return { ...message, body: body.toString() };
  if (!/^application\/(.+\+)?json$/.test(type)) return message;
  try {
    return { ...message, body: JSON.parse(body.toString()) as unknown };
  } catch {
    return message; // malformed on purpose, as tests do
  }
}
