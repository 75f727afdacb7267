// A few values of the metrics that were exported.

import type { Attributes } from '@opentelemetry/api';
import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import { table } from './table.js';

const SHOWN = [
  'messaging.client.sent.messages',
  'messaging.client.consumed.messages',
  'messaging.process.duration',
  'amqp.client.settled.messages',
  'amqp.client.connections',
];
/** What tells the values of one metric apart, as far as it is shown. */
const SHOWN_ATTRIBUTES = [
  'messaging.destination.template',
  'messaging.destination.name',
  'amqp.outcome',
  'amqp.connection.state',
  'error.type',
];

/** Of a histogram the number of its values, for its durations differ from run to run. */
export function metricsTable(metrics: readonly MetricData[]): string {
  const sums = new Map<string, readonly [metric: string, of: string, value: number]>();
  for (const metric of metrics.filter(({ descriptor }) => SHOWN.includes(descriptor.name)))
    for (const { attributes, value } of pointsOf(metric)) {
      const { name } = metric.descriptor;
      const of = SHOWN_ATTRIBUTES.flatMap((attribute) => attributes[attribute] ?? []).join(', ');
      const [, , before] = sums.get(`${name} ${of}`) ?? [name, of, 0];
      sums.set(`${name} ${of}`, [name, of, before + value]);
    }
  const rows = [...sums.values()].toSorted(([metric, of], [metric2, of2]) =>
    metric === metric2 ? of.localeCompare(of2) : SHOWN.indexOf(metric) - SHOWN.indexOf(metric2),
  );
  return table([['metric', 'of', 'value'], ...rows.map((row) => row.map(String))]);
}

/** Those of one metric that have these attributes, added up: of a histogram how many values it has. */
export function valueOf(metrics: readonly MetricData[], name: string, where: Attributes): number {
  return metrics
    .filter(({ descriptor }) => descriptor.name === name)
    .flatMap(pointsOf)
    .filter(({ attributes }) => Object.entries(where).every(([key, value]) => attributes[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

function pointsOf(metric: MetricData): readonly { readonly attributes: Attributes; readonly value: number }[] {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
    case DataPointType.GAUGE:
      return metric.dataPoints;
    case DataPointType.HISTOGRAM:
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return metric.dataPoints.map(({ attributes, value }) => ({ attributes, value: value.count }));
  }
}
