// Nest's own integration scenarios on the embedded broker. The broker suite runs the same files on real ones; test:nest11 under Nest 11.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { EmbeddedBroker } from '../../lib/broker/index.js';
import { AmqpConnection } from '../../lib/index.js';
import { NEST_SCENARIOS, SCENARIOS } from './scenarios/index.js';
import { playScenarios } from './scenarios/play.js';
import type { Place } from './scenarios/stage.js';

const broker = await EmbeddedBroker.start();

const admin = new AmqpConnection(broker.uri);
beforeAll(() => admin.open());
afterAll(async () => {
  await admin.close();
  await broker.stop();
});

let queues = 0;
const place: Place = {
  name: 'embedded',
  uri: broker.uri,
  port: broker.port ?? 0,
  queue: async () => {
    const name = `queue-${(queues += 1)}`;
    await admin.topology.declare({ queues: [name] });
    return name;
  },
  hasExchanges: true,
};

describe('the table of scenarios', () => {
  it('names tests that are there, each once', () => {
    const titles = SCENARIOS.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    expect(NEST_SCENARIOS.filter(([, title]) => !titles.includes(title))).toEqual([]);
  });
});

describe('on the embedded broker', () => {
  playScenarios(place, 10_000);
});
