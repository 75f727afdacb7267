// One run: the application from its start to its end, everything that was seen of it, and what really happened.

import { randomUUID } from 'node:crypto';
import { AmqpConsumers, type AmqpConnection } from 'nestjs-amqp10';
import { compare, type Fact, type Seen } from '../report/agreement.js';
import { Ledger } from '../shop/ledger.js';
import { startShop } from '../shop/shop.js';
import { startTelemetry } from '../watch/telemetry.js';
import { Cable } from './cable.js';
import { Ends } from './ends.js';
import type { RunOptions } from './options.js';
import { play } from './story.js';
import { Visitor } from './visitor.js';

/** What was seen, and what it is to be compared with. */
export interface Observed {
  readonly seen: Seen;
  readonly facts: readonly Fact[];
}

/** Where, and by whom. */
export interface Stage {
  readonly uri: string;
  readonly operator: AmqpConnection;
  readonly sabotage: RunOptions['sabotage'];
}

export async function observe({ uri, operator, sabotage }: Stage): Promise<Observed> {
  const ends = await Ends.watch(operator);
  const telemetry = startTelemetry();
  const cable = new Cable();
  const adminToken = randomUUID();
  const app = await startShop({ uri, dial: cable.dial, adminToken });
  const ledger = app.get(Ledger);
  try {
    const visitor = new Visitor(await app.getUrl(), adminToken);
    const consumers = app.get(AmqpConsumers);
    const readings = await play({ visitor, ledger, ends, consumers, cable, operator, sabotage });
    const page = await visitor.dashboardPage();
    const dashboard = await visitor.dashboardState();
    const seen = { readings, page, dashboard, metrics: await telemetry.metrics(), spans: telemetry.spans() };
    return { seen, facts: compare(ledger, ends, seen) };
  } finally {
    await app.close();
    await telemetry.stop();
  }
}
