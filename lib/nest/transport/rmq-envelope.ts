import type { Deserializer, Serializer } from '@nestjs/microservices';

import { decodeJson } from '../../client/options/index.js';

/** What Nest's RMQ transport puts into a body; `id` only of a request. */
interface RmqRequest {
  readonly pattern?: unknown;
  readonly data?: unknown;
  readonly id?: string;
}

interface RmqReply {
  readonly id?: string;
  readonly response?: unknown;
  readonly err?: unknown;
  readonly isDisposed?: boolean;
  readonly status?: string;
}

const REQUEST_FIELDS: readonly string[] = ['pattern', 'data', 'id'] satisfies (keyof RmqRequest)[];
const REPLY_FIELDS: readonly string[] = ['id', 'response', 'err', 'isDisposed', 'status'] satisfies (keyof RmqReply)[];

/** As Nest writes it: `{ pattern, data, id }`, `{ response, isDisposed, err, id }`. */
const serializer: Serializer<object> = { serialize: (packet) => packet };

const requests: Deserializer<RmqRequest> = {
  deserialize: (body: unknown) => {
    const value = parsed(body);
    return isRecord(value) && 'pattern' in value && hasOnly(value, REQUEST_FIELDS) ? value : { data: value };
  },
};

const replies: Deserializer<RmqReply> = {
  deserialize: (body: unknown) => {
    const value = parsed(body);
    if (!isRecord(value) || Object.keys(value).length === 0 || !hasOnly(value, REPLY_FIELDS))
      return { response: value, isDisposed: true };
    // As Nest's client has it: an error is the last.
    return value['err'] === undefined || value['err'] === null ? value : { ...value, isDisposed: true };
  },
};

/**
 * The envelope of Nest's RMQ transport, so that services of either transport can share the queues of a RabbitMQ 4:
 * `new AmqpTransportStrategy({ uri, sources, ...rmqEnvelope.server })`, `new AmqpClientProxy({ uri, target, ...rmqEnvelope.client })`.
 * What comes without the envelope is taken as it is: a payload whose pattern is the subject, a reply that is the last.
 */
export const rmqEnvelope: {
  readonly server: { readonly serializer: Serializer; readonly deserializer: Deserializer };
  readonly client: {
    readonly serializer: Serializer;
    readonly deserializer: Deserializer;
    readonly replyToAs: 'queue';
  };
} = Object.freeze({
  server: Object.freeze({ serializer, deserializer: requests }),
  client: Object.freeze({ serializer, deserializer: replies, replyToAs: 'queue' as const }),
});

/** Nest's RMQ transport names no content type, so that its JSON comes as bytes. */
function parsed(body: unknown): unknown {
  if (!Buffer.isBuffer(body)) return body;
  try {
    return decodeJson(body, 'application/json');
  } catch {
    return body;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

/** A payload with fields of its own is no envelope: they would be lost. */
function hasOnly(value: Record<string, unknown>, fields: readonly string[]): boolean {
  return Object.keys(value).every((key) => fields.includes(key));
}
