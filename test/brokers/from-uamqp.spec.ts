// sample/05-from-uamqp on the real brokers that make the queues it needs.

import { describe, expect, it } from '@jest/globals';
import { examples } from '../../sample/05-from-uamqp/src/examples/index.js';
import { runExamples } from '../../sample/05-from-uamqp/src/run-examples.js';
import { enter } from '../../sample/05-from-uamqp/src/world.js';
import { realPeers } from './peer.js';

const WANTED = ['activemq', 'artemis', 'rabbitmq-4'];
const { up, down } = await realPeers();
const peers = up.filter(({ name }) => WANTED.includes(name));
for (const name of WANTED.filter((wanted) => down.includes(wanted)))
  process.stdout.write(`skipped: ${name} is not up\n`);

(peers.length > 0 ? describe : describe.skip)("the examples of uamqp's documentation", () => {
  it.each(peers.map(({ name, uri }) => [name, uri] as const))(
    'come to what they must on %s',
    async (_name, uri) => {
      const { world, leave } = await enter(uri);
      const lines: string[] = [];
      try {
        const failed = await runExamples(world, examples, (text) => lines.push(text));
        expect([failed, lines.filter((line) => line.startsWith('FAIL'))]).toEqual([0, []]);
      } finally {
        await leave();
      }
    },
    90_000,
  );
});
