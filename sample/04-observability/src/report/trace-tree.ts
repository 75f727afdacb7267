// One trace as an indented tree, without what differs from run to run: times and ids.

import { SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

/** The trace of the HTTP request that placed the order. */
export function traceOf(spans: readonly ReadableSpan[], order: number): string {
  const root = spans.find(({ attributes }) => attributes['app.order'] === order);
  return root === undefined ? '' : branch(spans, root, 1);
}

function branch(spans: readonly ReadableSpan[], span: ReadableSpan, depth: number): string {
  const { spanId } = span.spanContext();
  const children = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === spanId).toSorted(byStart);
  const line = `${'  '.repeat(depth)}${span.name}${notes(span)}\n`;
  return line + children.map((child) => branch(spans, child, depth + 1)).join('');
}

function notes({ attributes, status }: ReadableSpan): string {
  const found = [
    attributes['http.response.status_code'],
    attributes['amqp.delivery.attempt'] && `attempt ${String(attributes['amqp.delivery.attempt'])}`,
    status.code === SpanStatusCode.ERROR && `failed: ${String(attributes['error.type'])}`,
  ].filter(Boolean);
  return found.length === 0 ? '' : `  (${found.join(', ')})`;
}

function byStart({ startTime: [left, leftNanos] }: ReadableSpan, { startTime: [right, rightNanos] }: ReadableSpan) {
  return left - right || leftNanos - rightNanos;
}
