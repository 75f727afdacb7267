// Nest's own integration scenarios (test/nest/scenarios) on every real broker that is up.

import { afterAll, beforeAll, describe } from '@jest/globals';

import type { AmqpConnection } from '../../lib/client/index.js';
import { playScenarios } from '../nest/scenarios/play.js';
import type { Place } from '../nest/scenarios/stage.js';
import { type Peer, realPeers } from './peer.js';

const { up, down } = await realPeers();
// RabbitMQ 3 makes no reply addresses.
const peers = up.filter(({ name }) => name !== 'rabbitmq-3');

beforeAll(() => {
  for (const name of down) process.stdout.write(`skipped: ${name} is not up (npm run brokers -- up ${name})\n`);
});

const hasExchanges = ({ name }: Pick<Peer, 'name'>): boolean => name === 'rabbitmq-4';

describe.each(peers.map((peer) => ({ name: peer.name, peer })))('the transport on $name', ({ peer }) => {
  let admin: AmqpConnection | undefined;
  const made: string[] = [];
  beforeAll(async () => {
    admin = await peer.connect();
  });
  afterAll(async () => {
    // Elsewhere a queue that nobody uses goes by itself, or cannot be deleted over AMQP.
    if (hasExchanges(peer)) for (const queue of made) await admin?.topology.deleteQueue(queue);
    await admin?.close();
  });

  const place: Place = {
    name: peer.name,
    uri: peer.uri,
    port: Number(new URL(peer.uri).port),
    hasExchanges: hasExchanges(peer),
    queue: async () => {
      if (admin === undefined) throw new Error('not before the tests');
      const { name } = await peer.queue(admin, { kind: 'classic' });
      made.push(name);
      return name;
    },
  };

  playScenarios(place, 30_000);
});
