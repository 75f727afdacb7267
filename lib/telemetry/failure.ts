// What spans and metrics tell of an error: its kind, and of its words only those that hold no body and no secret.

import { SpanStatusCode, type Span } from '@opentelemetry/api';
import { AmqpError } from '../client/index.js';
import { ATTRIBUTE } from './attribute-names.js';

const OTHER = '_OTHER';
/** A name that somebody made up at run time would make metrics without end. */
const CLASS_NAME = /^[A-Za-z_$][\w$]{0,63}$/;

/** `error.type`: the code of an error of ours, the class of any other. Throws nothing, whatever was thrown. */
export function errorType(error: unknown): string {
  if (error instanceof AmqpError) return textOf(() => error.code) ?? OTHER;
  const name = error instanceof Error ? textOf(() => nameOf(error)) : undefined;
  return name !== undefined && CLASS_NAME.test(name) ? name : OTHER;
}

/** @param withMessage also of errors that are none of ours */
export function recordFailure(span: Span, error: unknown, withMessage: boolean): void {
  const type = errorType(error);
  span.setAttribute(ATTRIBUTE.errorType, type);
  const isOurs = error instanceof AmqpError;
  const condition = isOurs ? textOf(() => error.condition) : undefined;
  if (condition !== undefined) span.setAttribute(ATTRIBUTE.condition, condition);
  const message = error instanceof Error && (isOurs || withMessage) ? textOf(() => error.message) : undefined;
  span.setStatus({ code: SpanStatusCode.ERROR, message: message ?? type });
  if (!(error instanceof Error)) return;
  const stack = textOf(() => stackOf(error, message !== undefined));
  span.addEvent('exception', {
    [ATTRIBUTE.exceptionType]: (isOurs ? textOf(() => error.name) : undefined) ?? type,
    ...(message === undefined ? {} : { [ATTRIBUTE.exceptionMessage]: message }),
    ...(stack === undefined ? {} : { [ATTRIBUTE.exceptionStack]: stack }),
  });
}

function nameOf(error: Error): unknown {
  const { name } = error;
  return name === 'Error' || name === '' ? error.constructor.name : name;
}

/** What users throw may hold anything, also getters that throw. */
function textOf(read: () => unknown): string | undefined {
  try {
    const text = read();
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Where it was thrown; without the message only if it can be told where that ends. */
function stackOf({ stack, message }: Error, withMessage: boolean): string | undefined {
  if (stack === undefined || withMessage || message === '') return stack;
  const at = stack.indexOf(`: ${message}\n`);
  const frames = at < 0 ? '' : stack.slice(at + message.length + 3);
  return /^\s+at /.test(frames) ? frames.trimStart() : undefined;
}
