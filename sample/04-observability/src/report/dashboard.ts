// The dashboard's state as tables: what its page shows.

import type { AmqpDashboardSnapshot, DashboardConsumer } from 'nestjs-amqp10/dashboard';
import { withoutRun } from '../run/current-run.js';
import { table } from './table.js';

/** The addresses that requests come with are different in every run. */
const REPLIES = '(reply address)';

export function dashboardTables({ connections, consumers, senders, failures }: AmqpDashboardSnapshot): string {
  const links = connections.flatMap(({ name, links: all }) =>
    all.map(({ role, address, state }) => [name, role, role === 'answer' ? REPLIES : withoutRun(address), state]),
  );
  return [
    [
      ['connection', 'status', 'reconnects', 'last cause'],
      ...connections.map(({ name, status, reconnects, lastCause }) => [
        name,
        status,
        String(reconnects),
        lastCause?.message ?? '',
      ]),
    ],
    [['link of', 'role', 'address', 'state'], ...links],
    [['consumer', 'state', 'handled', 'failed', 'outcomes', 'decisions'], ...consumers.map(consumerRow)],
    [
      ['sender', 'sent', 'failed'],
      ...senders.map(({ address, sent, failed }) => [withoutRun(address), String(sent), counts(failed)]),
    ],
    [
      ['failure, newest first', 'error', 'code', 'decision'],
      ...failures.map(({ name, error, decision }) => [
        withoutRun(name),
        error.name,
        error.code ?? '',
        withoutRun(decision),
      ]),
    ],
  ]
    .map(table)
    .join('\n');
}

function consumerRow({ name, state, handled, failed, outcomes, decisions }: DashboardConsumer): string[] {
  return [withoutRun(name), state ?? '', String(handled), String(failed), counts(outcomes), counts(decisions)];
}

function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
