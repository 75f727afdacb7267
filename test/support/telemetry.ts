// OpenTelemetry's SDK for one test: registered globally, exporting into memory.

import {
  context,
  metrics,
  propagation,
  SpanStatusCode,
  trace,
  type HrTime,
  type TextMapPropagator,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { DataPointType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
  type Sampler,
} from '@opentelemetry/sdk-trace-base';
import { eventually } from './eventually.js';

class ManualReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** One value of a metric: a sum, or how many values a histogram has. */
export interface Point {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: number;
  readonly boundaries?: readonly number[];
}

export const w3c = new CompositePropagator({
  propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
});

export class TestTelemetry {
  readonly #exporter = new InMemorySpanExporter();
  readonly #reader = new ManualReader();
  readonly tracerProvider: BasicTracerProvider;
  readonly meterProvider = new MeterProvider({ readers: [this.#reader] });

  constructor(sampler?: Sampler) {
    const spanProcessors = [new SimpleSpanProcessor(this.#exporter)];
    this.tracerProvider = new BasicTracerProvider(
      sampler === undefined ? { spanProcessors } : { spanProcessors, sampler },
    );
  }

  /** As the API's globals, which code under test and user code find by themselves. */
  register(propagator: TextMapPropagator = w3c): this {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(propagator);
    trace.setGlobalTracerProvider(this.tracerProvider);
    metrics.setGlobalMeterProvider(this.meterProvider);
    return this;
  }

  async stop(): Promise<void> {
    context.disable();
    propagation.disable();
    trace.disable();
    metrics.disable();
    await Promise.all([this.tracerProvider.shutdown(), this.meterProvider.shutdown()]);
  }

  /** Those that have ended, in that order. */
  get spans(): readonly ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }

  /** Waits for them; the order is that of their ends. */
  named(name: string, count = 1): Promise<readonly [ReadableSpan, ...ReadableSpan[]]> {
    return eventually(`${count} spans ${name} among ${this.spans.map((span) => span.name).join()}`, () => {
      const [first, ...others] = this.spans.filter((span) => span.name === name);
      return first !== undefined && others.length + 1 >= count && ([first, ...others] as const);
    });
  }

  /** The points of a metric, as they are now. */
  async metric(name: string): Promise<Point[]> {
    const { resourceMetrics } = await this.#reader.collect();
    const found = resourceMetrics.scopeMetrics
      .flatMap((scope) => scope.metrics)
      .filter((one) => one.descriptor.name === name);
    return found.flatMap((metric) =>
      metric.dataPointType === DataPointType.HISTOGRAM
        ? metric.dataPoints.map(({ attributes, value }) => ({
            attributes,
            value: value.count,
            boundaries: value.buckets.boundaries,
          }))
        : metric.dataPointType === DataPointType.SUM
          ? metric.dataPoints.map(({ attributes, value }) => ({ attributes, value }))
          : [],
    );
  }
}

export const idOf = (span: ReadableSpan): string => span.spanContext().spanId;
export const traceOf = (span: ReadableSpan): string => span.spanContext().traceId;
export const parentOf = (span: ReadableSpan): string | undefined => span.parentSpanContext?.spanId;
export const linksOf = (span: ReadableSpan): string[] => span.links.map((link) => link.context.spanId);
export const hasFailed = (span: ReadableSpan): boolean => span.status.code === SpanStatusCode.ERROR;
export const msOf = ([seconds, nanos]: HrTime): number => seconds * 1_000 + nanos / 1e6;

/** As another system would write it. */
export const FOREIGN = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
} as const;
