import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import 'reflect-metadata';
import { EmbeddedBroker } from '../../lib/broker/index.js';
import { run, uriOf } from '../../sample/03-topology/src/current-run.js';
import { isAsExpected, report, type Row } from '../../sample/03-topology/src/report.js';
import { routesOf } from '../../sample/03-topology/src/routes.js';
import { runTopology } from '../../sample/03-topology/src/run-topology.js';

describe('the topology sample', () => {
  let broker: EmbeddedBroker;
  beforeAll(async () => {
    broker = await EmbeddedBroker.start({ name: run.brokerName, port: false });
  });
  afterAll(() => broker.stop());

  it('finds what it expects, and takes everything away again', async () => {
    const rows = await runTopology(uriOf({}));
    expect(rows.filter((row) => !isAsExpected(row))).toEqual([]);
    expect(rows).toHaveLength(routesOf(run.names).length + 4);
    expect(report(rows)).toContain(`all ${rows.length} as expected`);
    expect(broker.queues()).toEqual([]);
  }, 60_000);

  it('fails when a message comes out elsewhere', async () => {
    const routes = routesOf(run.names).map((route, at) => (at === 0 ? { ...route, reaches: [] } : route));
    const rows = await runTopology(uriOf({}), routes);
    expect(rows.filter((row) => !isAsExpected(row))).toMatchObject([
      { what: 'topic, key order.north.placed', expected: 'nowhere', arrived: 'everything, north, placed' },
    ]);
  }, 60_000);

  it('shows what is wrong, and refuses an AMQP_URI that is set and empty', () => {
    const row: Row = { what: 'a', expected: 'b', arrived: 'c' };
    expect(report([row, { ...row, arrived: 'b' }])).toMatch(/a +c +EXPECTED b[^]*a +b +ok[^]*1 of 2 NOT as expected/);
    expect(() => uriOf({ AMQP_URI: '' })).toThrow('set and empty');
    expect(uriOf({ AMQP_URI: 'amqp://x' })).toBe('amqp://x');
  });
});
