// OpenTelemetry's SDK, with exporters that keep everything in memory to be looked at. In an application of yours: NodeSDK and OTLP.

import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** What was exported. */
export interface Telemetry {
  /** Those that have ended. */
  spans(): readonly ReadableSpan[];
  metrics(): Promise<readonly MetricData[]>;
  stop(): Promise<void>;
}

/** Registers everything globally: to be called before the application is made. */
export function startTelemetry(): Telemetry {
  const spans = new InMemorySpanExporter();
  const values = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const meterProvider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter: values })] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(tracerProvider);
  metrics.setGlobalMeterProvider(meterProvider);
  return {
    spans: () => spans.getFinishedSpans(),
    metrics: async () => {
      await meterProvider.forceFlush();
      return (values.getMetrics().at(-1)?.scopeMetrics ?? []).flatMap((scope) => scope.metrics);
    },
    stop: async () => {
      await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()]);
    },
  };
}
