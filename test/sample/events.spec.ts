import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { EmbeddedBroker } from '../../lib/broker/index.js';
import { run, uriOf } from '../../sample/06-events/src/current-run.js';
import { Database } from '../../sample/06-events/src/database.js';
import { isAsExpected, report } from '../../sample/06-events/src/report.js';
import { runEvents } from '../../sample/06-events/src/run-events.js';

describe('the events sample', () => {
  let broker: EmbeddedBroker;
  beforeAll(async () => {
    broker = await EmbeddedBroker.start({ name: run.brokerName, port: false });
  });
  afterAll(() => broker.stop());

  it('finds what it expects, and takes everything away again', async () => {
    const rows = await runEvents(uriOf({}));
    expect(rows.filter((row) => !isAsExpected(row))).toEqual([]);
    expect(report(rows)).toContain('all 7 as expected');
    expect(broker.queues()).toEqual([]);
  }, 60_000);

  it('fails when the database is never down', async () => {
    const write = jest.spyOn(Database.prototype, 'write').mockImplementation(function (this: Database, line) {
      this.written.push(line);
    });
    try {
      const rows = await runEvents(uriOf({}));
      expect(rows.filter((row) => !isAsExpected(row))).toMatchObject([
        { what: 'the database was down', expected: '3 refused, paused', arrived: '0 refused' },
      ]);
    } finally {
      write.mockRestore();
    }
  }, 60_000);
});
