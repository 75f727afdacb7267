// Everything that is printed.

import type { PeerDescription } from 'nestjs-amqp10';
import type { Observed } from '../run/observe.js';
import { INVALID, RETRIED } from '../run/story.js';
import { agreementTable, agrees } from './agreement.js';
import { dashboardTables } from './dashboard.js';
import { metricsTable } from './metric-values.js';
import { healthTable } from './readings.js';
import { traceOf } from './trace-tree.js';

export function report(peer: PeerDescription | undefined, { seen, facts }: Observed): string {
  const { readings, spans, metrics, page, dashboard } = seen;
  const wrong = facts.filter((fact) => !agrees(fact)).length;
  return [
    `on ${peer?.product ?? peer?.profile ?? 'an unknown peer'} ${peer?.version ?? ''}\n`,
    `HEALTH\n${healthTable(readings)}`,
    `TRACE of an order that is retried once\n${traceOf(spans, RETRIED.id)}`,
    `TRACE of an order that nobody can place\n${traceOf(spans, INVALID.id)}`,
    `METRICS\n${metricsTable(metrics)}`,
    `DASHBOARD: /amqp answers a stranger with ${page.stranger}, the administrator with ${page.admin}${page.isPage ? ' and the page' : ''}\n`,
    dashboardTables(dashboard),
    `DO THEY AGREE?\n${agreementTable(facts)}`,
    wrong === 0 ? 'ALL AGREE\n' : `DISAGREE: ${wrong} of ${facts.length}\n`,
  ].join('\n');
}
