// The context of a trace on a message: where it stands, how it is written and read.

import {
  diag,
  propagation,
  ROOT_CONTEXT,
  type Context,
  type TextMapGetter,
  type TextMapSetter,
} from '@opentelemetry/api';
import type { AmqpMessage } from '../client/index.js';

/** What does not begin so is reserved by the specification (section 3.2.10), and refused by RabbitMQ. */
const ANNOTATION_PREFIX = 'x-opt-';
const TRACEPARENT = 'traceparent';
/** What Azure's libraries wrote before they knew the others; since then with the same value. */
const DIAGNOSTIC_ID = 'Diagnostic-Id';
/** These alone make no context. */
const COMPANIONS: ReadonlySet<string> = new Set(['tracestate', 'baggage']);

/** What was written; nothing is made where nothing is. */
interface Carrier {
  entries: Record<string, string> | undefined;
}

/** In annotations first, which nodes on the way may have written, then in application properties. */
const getter: TextMapGetter<AmqpMessage> = {
  keys: ({ applicationProperties, messageAnnotations }) => [
    ...Object.keys(applicationProperties ?? {}),
    ...Object.keys(messageAnnotations ?? {}).map(withoutPrefix),
  ],
  get: ({ applicationProperties, messageAnnotations }, key) => {
    if (messageAnnotations !== undefined) {
      const found = annotation(messageAnnotations, key);
      if (found !== undefined) return found;
      // It belongs to the traceparent beside it.
      if (key === 'tracestate' && annotation(messageAnnotations, TRACEPARENT) !== undefined) return undefined;
    }
    if (applicationProperties === undefined) return undefined;
    const found = textOf(applicationProperties[key]);
    return found === undefined && key === TRACEPARENT ? textOf(applicationProperties[DIAGNOSTIC_ID]) : found;
  },
};

const propertySetter: TextMapSetter<Carrier> = {
  set: (carrier, key, value) => void ((carrier.entries ??= {})[key] = value),
};

const annotationSetter: TextMapSetter<Carrier> = {
  set: (carrier, key, value) => void ((carrier.entries ??= {})[`${ANNOTATION_PREFIX}${key}`] = value),
};

/** The context that a message carries, on the empty one: who called us, of all people a socket, has nothing to do with it. */
export function contextOf(message: AmqpMessage): Context {
  if (message.applicationProperties === undefined && message.messageAnnotations === undefined) return ROOT_CONTEXT;
  try {
    return propagation.extract(ROOT_CONTEXT, message, getter);
  } catch (error) {
    diag.warn('nestjs-amqp10: the propagator could not read a message', error);
    return ROOT_CONTEXT;
  }
}

/** What goes onto a message for it to carry the context; `undefined`: nothing. */
export function entriesFor(
  context: Context,
  place: 'application-properties' | 'message-annotations',
): Record<string, string> | undefined {
  const carrier: Carrier = { entries: undefined };
  try {
    propagation.inject(context, carrier, place === 'message-annotations' ? annotationSetter : propertySetter);
  } catch (error) {
    diag.warn('nestjs-amqp10: the propagator could not write a message', error);
    return undefined;
  }
  return carrier.entries;
}

/** Whether whoever made the message gave it a context of its own, which is kept as it is. */
export function carriesContext({ applicationProperties, messageAnnotations }: AmqpMessage): boolean {
  if (applicationProperties === undefined && messageAnnotations === undefined) return false;
  const keys = [TRACEPARENT, ...propagation.fields().filter((field) => !COMPANIONS.has(field))];
  return keys.some(
    (key) =>
      applicationProperties?.[key] !== undefined ||
      (messageAnnotations !== undefined && annotation(messageAnnotations, key) !== undefined),
  );
}

function annotation(annotations: Readonly<Record<string, unknown>>, key: string): string | undefined {
  return textOf(annotations[`${ANNOTATION_PREFIX}${key}`]) ?? textOf(annotations[key]);
}

function withoutPrefix(key: string): string {
  return key.startsWith(ANNOTATION_PREFIX) ? key.slice(ANNOTATION_PREFIX.length) : key;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
