// What spans and metrics tell of an error: its kind, and of its words only those that hold no body and no secret.

import { SpanStatusCode, type Span } from '@opentelemetry/api';
import { AmqpError } from '../client/index.js';
import { ATTRIBUTE } from './attribute-names.js';

const OTHER = '_OTHER';
/** A name that somebody made up at run time would make metrics without end. */
const CLASS_NAME = /^[A-Za-z_$][\w$]{0,63}$/;

/** `error.type`: the code of an error of ours, the class of any other. */
export function errorType(error: unknown): string {
  if (error instanceof AmqpError) return error.code;
  const name = error instanceof Error ? nameOf(error) : OTHER;
  return CLASS_NAME.test(name) ? name : OTHER;
}

/** @param withMessage also of errors that are none of ours */
export function recordFailure(span: Span, error: unknown, withMessage: boolean): void {
  const type = errorType(error);
  span.setAttribute(ATTRIBUTE.errorType, type);
  const isOurs = error instanceof AmqpError;
  if (isOurs && error.condition !== undefined) span.setAttribute(ATTRIBUTE.condition, error.condition);
  const message = error instanceof Error && (isOurs || withMessage) ? error.message : undefined;
  span.setStatus({ code: SpanStatusCode.ERROR, message: message ?? type });
  if (!(error instanceof Error)) return;
  const stack = stackOf(error, message !== undefined);
  span.addEvent('exception', {
    [ATTRIBUTE.exceptionType]: isOurs ? error.name : type,
    ...(message === undefined ? {} : { [ATTRIBUTE.exceptionMessage]: message }),
    ...(stack === undefined ? {} : { [ATTRIBUTE.exceptionStack]: stack }),
  });
}

function nameOf(error: Error): string {
  return error.name === 'Error' || error.name === '' ? error.constructor.name : error.name;
}

/** Where it was thrown; without the message only if it can be told where that ends. */
function stackOf({ stack, message }: Error, withMessage: boolean): string | undefined {
  if (stack === undefined || withMessage || message === '') return stack;
  const at = stack.indexOf(`: ${message}\n`);
  const frames = at < 0 ? '' : stack.slice(at + message.length + 3);
  return /^\s+at /.test(frames) ? frames.trimStart() : undefined;
}
