// What the parts of one connection's telemetry share: making spans, and recording what was measured.

import {
  diag,
  INVALID_SPANID,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanKind,
  type Tracer,
} from '@opentelemetry/api';
import { VERSION, type AmqpMessage, type MessageId, type ObservedConnection } from '../client/index.js';
import { ATTRIBUTE } from './attribute-names.js';
import { errorType, recordFailure } from './failure.js';
import type { ResolvedInstrumentationOptions, SpannedOperation } from './instrumentation-options.js';
import { SCOPE, type Instruments } from './instruments.js';
import { Operation, type Described, type OperationNames } from './operation.js';

/** A span to begin. */
export interface SpanStart {
  readonly described: Described;
  readonly kind: SpanKind;
  readonly links?: Link[] | undefined;
  /** In milliseconds of the epoch. */
  readonly startTime?: number | undefined;
}

/** One connection's. */
export class Telemetry {
  readonly #tracer: Tracer | undefined;
  readonly #operations: Operation[] = [];

  constructor(
    readonly options: ResolvedInstrumentationOptions,
    readonly instruments: Instruments,
    private readonly connection: ObservedConnection,
  ) {
    if (options.spans) this.#tracer = (options.tracerProvider ?? trace.getTracerProvider()).getTracer(SCOPE, VERSION);
  }

  operation(names: OperationNames): Operation {
    const { connection, options } = this;
    const operation = new Operation(names, {
      connection,
      system: options.system,
      templateOf: (name) => this.#templateOf(name),
    });
    this.#operations.push(operation);
    return operation;
  }

  /** The peer, or the meter provider, may be another one now. */
  refresh(): void {
    this.instruments.refresh();
    for (const operation of this.#operations) operation.forget();
  }

  /** `undefined`: no spans are made. */
  start({ described, kind, links, startTime }: SpanStart, parent: Context): Span | undefined {
    const { spanName, spanAttributes } = described;
    const options = { kind, attributes: spanAttributes, ...(links && { links }), ...(startTime && { startTime }) };
    return this.#tracer?.startSpan(spanName, options, parent);
  }

  /** What began before the peer was known, or ended with another one, belongs to that. */
  describePeer(span: Span | undefined, before: Described, now: Described): void {
    if (now !== before && span?.isRecording() === true) span.setAttributes(now.peerAttributes);
  }

  /** What is known of a message; only for a span that is recording. */
  describeMessage(span: Span, { properties, body }: AmqpMessage): void {
    if (properties?.messageId !== undefined) span.setAttribute(ATTRIBUTE.messageId, idText(properties.messageId));
    if (properties?.correlationId !== undefined)
      span.setAttribute(ATTRIBUTE.conversationId, idText(properties.correlationId));
    // Of decoded bodies the size is not known without work.
    if (Buffer.isBuffer(body)) span.setAttribute(ATTRIBUTE.bodySize, body.length);
  }

  /** The user's own attributes; only for a span that is recording. */
  addOwn(span: Span, operation: SpannedOperation): void {
    const { attributes } = this.options;
    if (attributes === undefined) return;
    try {
      const own = attributes(operation);
      if (own !== undefined) span.setAttributes(own);
    } catch (error) {
      diag.warn('nestjs-amqp10: the option attributes threw', error);
    }
  }

  /** Now, by the clock that took the start. */
  end(span: Span | undefined, error: unknown): void {
    if (span === undefined) return;
    try {
      if (error !== undefined && span.isRecording()) recordFailure(span, error, this.options.exceptionMessages);
    } finally {
      span.end();
    }
  }

  /** @param startedAt in milliseconds of `performance.now()` */
  recordOperation({ durationAttributes }: Described, startedAt: number, error: unknown): void {
    if (!this.options.metrics) return;
    this.instruments.now.operationDuration.record(since(startedAt), withError(durationAttributes, error));
  }

  /** @param startedAt as in `recordOperation` */
  recordProcess({ durationAttributes }: Described, startedAt: number, error: unknown): void {
    if (!this.options.metrics) return;
    this.instruments.now.processDuration.record(since(startedAt), withError(durationAttributes, error));
  }

  count(
    counter: 'sent' | 'consumed' | 'settled',
    { countAttributes }: Described,
    messages: number,
    error?: unknown,
  ): void {
    if (this.options.metrics) this.instruments.now[counter].add(messages, withError(countAttributes, error));
  }

  #templateOf(name: string): string | undefined {
    try {
      return this.options.destinationTemplate?.(name);
    } catch (error) {
      diag.warn('nestjs-amqp10: the option destinationTemplate threw', error);
      return undefined;
    }
  }
}

/** The context within the span; one of the API alone, without an SDK, changes nothing. */
export function contextIn(context: Context, span: Span | undefined): Context {
  return span === undefined || span.spanContext().spanId === INVALID_SPANID ? context : trace.setSpan(context, span);
}

/** Links to the span that made the message. */
export function linksTo(context: Context, attributes?: Attributes): Link[] | undefined {
  const creation = trace.getSpanContext(context);
  if (creation === undefined) return undefined;
  return [attributes === undefined ? { context: creation } : { context: creation, attributes }];
}

/** An id as a text: binary ones in hexadecimal digits. */
export function idText(id: MessageId): string {
  return Buffer.isBuffer(id) ? id.toString('hex') : id.toString();
}

function since(startedAt: number): number {
  return (performance.now() - startedAt) / 1_000;
}

function withError(attributes: Attributes, error: unknown): Attributes {
  return error === undefined ? attributes : { ...attributes, [ATTRIBUTE.errorType]: errorType(error) };
}
