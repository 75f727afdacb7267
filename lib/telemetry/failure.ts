// What spans and metrics tell of an error: its kind, and of its words only those that hold no body and no secret.

import { SpanStatusCode, type Span } from '@opentelemetry/api';
import { AmqpError } from '../client/index.js';
import { ATTRIBUTE } from './attribute-names.js';

const OTHER = '_OTHER';
/** A name that somebody made up at run time would make metrics without end. */
const CLASS_NAME = /^[A-Za-z_$][\w$]{0,63}$/;

/** So are ours, and those of users who throw an AmqpError. */
const CODE = /^[A-Za-z][\w.:-]{0,63}$/;

/** A symbol, as the specification has them; not what somebody wrote in place of one. */
const CONDITION = /^[\w:.$/-]{1,128}$/;

/** `error.type`: the code of an error of ours, the class of any other. Throws nothing, whatever was thrown. */
export function errorType(error: unknown): string {
  if (!(error instanceof AmqpError)) return error instanceof Error ? className(error) : OTHER;
  const code = textOf(() => error.code);
  return code !== undefined && CODE.test(code) ? code : OTHER;
}

function className(error: Error): string {
  const name = textOf(() => nameOf(error));
  return name !== undefined && CLASS_NAME.test(name) ? name : OTHER;
}

/** @param withMessage also of errors whose words are not ours */
export function recordFailure(span: Span, error: unknown, withMessage: boolean): void {
  const type = errorType(error);
  span.setAttribute(ATTRIBUTE.errorType, type);
  const condition = error instanceof AmqpError ? textOf(() => error.condition) : undefined;
  if (condition !== undefined && CONDITION.test(condition)) span.setAttribute(ATTRIBUTE.condition, condition);
  const isTold = withMessage || AmqpError.hasOwnWords(error);
  const message = error instanceof Error && isTold ? textOf(() => error.message) : undefined;
  span.setStatus({ code: SpanStatusCode.ERROR, message: message ?? type });
  if (!(error instanceof Error)) return;
  const stack = textOf(() => stackOf(error, message !== undefined));
  span.addEvent('exception', {
    [ATTRIBUTE.exceptionType]: className(error),
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
  if (stack === undefined || withMessage) return stack;
  const before = message === '' ? '\n' : `: ${message}\n`;
  const at = stack.indexOf(before);
  const frames = at < 0 ? '' : stack.slice(at + before.length);
  if (message === '' && !CLASS_NAME.test(stack.slice(0, at))) return undefined;
  return /^\s+at /.test(frames) ? frames.trimStart() : undefined;
}
