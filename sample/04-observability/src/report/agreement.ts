// Does what health, traces, metrics and dashboard say agree with the ledger? So has to what came out of the queues at the end.

import type { Attributes } from '@opentelemetry/api';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { AmqpDashboardSnapshot } from 'nestjs-amqp10/dashboard';
import { names, templateOf } from '../run/current-run.js';
import type { Ends } from '../run/ends.js';
import type { Reading } from '../run/story.js';
import type { DashboardPage } from '../run/visitor.js';
import type { Ledger } from '../shop/ledger.js';
import { valueOf } from './metric-values.js';
import { table } from './table.js';

/** Everything that was seen. */
export interface Seen {
  readonly readings: readonly Reading[];
  readonly spans: readonly ReadableSpan[];
  readonly metrics: readonly MetricData[];
  readonly page: DashboardPage;
  readonly dashboard: AmqpDashboardSnapshot;
}

/** What happened by the ledger, and what each witness says of it; `undefined`: it does not speak of that. */
export interface Fact {
  readonly what: string;
  readonly happened: number;
  /** Messages that came out of the queue at the end. */
  readonly queues?: number;
  readonly health?: number;
  readonly traces?: number;
  readonly metrics?: number;
  readonly dashboard?: number;
}

const WITNESSES = ['queues', 'health', 'traces', 'metrics', 'dashboard'] as const;

export function compare(ledger: Ledger, ends: Ends, seen: Seen): readonly Fact[] {
  const { readings, page, dashboard } = seen;
  const consumer = dashboard.consumers.find(({ name }) => name === 'OrderConsumer.place');
  const desk = dashboard.consumers.find(({ addresses }) => addresses.includes(names.prices));
  const sent = (queue: string) => dashboard.senders.find(({ address }) => address === queue)?.sent ?? 0;
  const spans = spansIn(seen.spans);
  const metric = metricsIn(seen.metrics);
  return [
    {
      what: 'prices given',
      happened: ledger.count('priced'),
      traces: spans.ok('process', names.prices),
      dashboard: (desk?.handled ?? 0) - (desk?.failed ?? 0),
    },
    {
      what: 'prices refused',
      happened: ledger.count('not priced'),
      traces: spans.failed('process', names.prices),
      dashboard: desk?.failed ?? 0,
    },
    {
      what: 'orders sent',
      happened: ledger.orders('ordered').size,
      traces: spans.ok('send', names.orders),
      metrics: metric('messaging.client.sent.messages', names.orders),
      dashboard: sent(names.orders),
    },
    {
      what: 'traced from HTTP to the handler',
      happened: ledger.orders('ordered').size,
      traces: spans.traced(names.orders),
    },
    {
      what: 'orders received',
      happened: ledger.count('received'),
      traces: spans.ok('process', names.orders) + spans.failed('process', names.orders) - spans.again(names.orders),
      metrics: metric('messaging.client.consumed.messages', names.orders),
    },
    {
      what: 'attempts',
      happened: ledger.count('received', 'retried'),
      traces: spans.ok('process', names.orders) + spans.failed('process', names.orders),
      metrics: metric('messaging.process.duration', names.orders),
      dashboard: consumer?.handled ?? 0,
    },
    {
      what: 'attempts that failed',
      happened: ledger.count('failed', 'given up'),
      traces: spans.failed('process', names.orders),
      dashboard: consumer?.failed ?? 0,
    },
    {
      what: 'retried',
      happened: ledger.count('retried'),
      traces: spans.again(names.orders),
      dashboard: consumer?.decisions.retry ?? 0,
    },
    {
      what: 'placed, with an invoice',
      happened: ledger.count('placed'),
      queues: ends.invoices,
      traces: spans.ok('process', names.orders),
      metrics: metric('messaging.client.sent.messages', names.invoices),
      dashboard: sent(names.invoices),
    },
    {
      what: 'dead-lettered',
      happened: ledger.count('given up'),
      queues: ends.dead,
      traces: spans.ok('send', names.dead),
      metrics: metric('messaging.client.sent.messages', names.dead),
      dashboard: consumer?.decisions['dead-letter'] ?? 0,
    },
    {
      what: 'accepted: placed or dead-lettered',
      happened: ledger.count('placed', 'given up'),
      metrics: metric('amqp.client.settled.messages', names.orders, { 'amqp.outcome': 'accepted' }),
      dashboard: consumer?.outcomes.accepted ?? 0,
    },
    {
      what: 'connections lost',
      happened: ledger.count('cut'),
      dashboard: dashboard.connections.reduce((sum, { reconnects }) => sum + reconnects, 0),
    },
    {
      what: 'pages for the administrator alone',
      happened: 1,
      dashboard: Number(page.stranger === 403 && page.admin === 200 && page.isPage),
    },
    {
      what: 'outages, not ready but alive',
      happened: ledger.count('cut', 'queue deleted'),
      health: readings.filter(({ isOutage, ready, live }) => isOutage && ready === 503 && live === 200).length,
    },
    {
      what: 'ready and alive otherwise',
      happened: readings.filter(({ isOutage }) => !isOutage).length,
      health: readings.filter(({ isOutage, ready, live }) => !isOutage && ready === 200 && live === 200).length,
    },
  ];
}

export function agrees(fact: Fact): boolean {
  return WITNESSES.every((witness) => (fact[witness] ?? fact.happened) === fact.happened);
}

export function agreementTable(facts: readonly Fact[]): string {
  const rows = facts.map((fact) => [
    fact.what,
    String(fact.happened),
    ...WITNESSES.map((witness) => String(fact[witness] ?? '-')),
    agrees(fact) ? 'ok' : 'DISAGREE',
  ]);
  return table([['what', 'ledger', ...WITNESSES, ''], ...rows]);
}

function spansIn(spans: readonly ReadableSpan[]) {
  const named = (operation: string, queue: string) =>
    spans.filter(({ name }) => name === `${operation} ${templateOf(queue)}`);
  const requests = traceIds(spans.filter(({ attributes }) => attributes['app.order'] !== undefined));
  return {
    traced: (queue: string) => [...traceIds(named('process', queue))].filter((id) => requests.has(id)).length,
    ok: (operation: string, queue: string) => named(operation, queue).filter((span) => !hasFailed(span)).length,
    failed: (operation: string, queue: string) => named(operation, queue).filter(hasFailed).length,
    again: (queue: string) =>
      named('process', queue).filter(({ attributes }) => attributes['amqp.delivery.attempt'] !== undefined).length,
  };
}

function hasFailed({ attributes }: ReadableSpan): boolean {
  return attributes['error.type'] !== undefined;
}

function traceIds(spans: readonly ReadableSpan[]): ReadonlySet<string> {
  return new Set(spans.map((span) => span.spanContext().traceId));
}

function metricsIn(metrics: readonly MetricData[]) {
  return (name: string, queue: string, where: Attributes = {}) =>
    valueOf(metrics, name, { 'messaging.destination.template': templateOf(queue), ...where });
}
