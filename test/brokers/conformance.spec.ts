// The same stories on the embedded broker and on every real one that is up. Prints and records the table of docs/brokers.md.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { embeddedPeer, realPeers, type Peer } from './peer.js';
import { addressing } from './stories/addressing.js';
import { connecting } from './stories/connecting.js';
import { messages } from './stories/messages.js';
import { moving } from './stories/moving.js';
import { receiving } from './stories/receiving.js';
import { security } from './stories/security.js';
import { settling } from './stories/settling.js';
import { survival } from './stories/survival.js';
import { telemetry } from './stories/telemetry.js';
import { topology } from './stories/topology.js';
import { transactions } from './stories/transactions.js';
import { transport } from './stories/transport.js';

const STORIES = [
  ...messages,
  ...settling,
  ...transactions,
  ...receiving,
  ...addressing,
  ...topology,
  ...moving,
  ...connecting,
  ...security,
  ...survival,
  ...transport,
  ...telemetry,
];
const RESULTS = new URL('../../.brokers/results/', import.meta.url);

const { up, down } = await realPeers();
const embedded = await embeddedPeer();
const cells = new Map<string, Map<string, string>>();

beforeAll(() => {
  for (const name of down) process.stdout.write(`skipped: ${name} is not up (npm run brokers -- up ${name})\n`);
});

afterAll(async () => {
  await embedded.close();
  mkdirSync(RESULTS, { recursive: true });
  for (const [peer, rows] of cells)
    writeFileSync(new URL(`${peer}.json`, RESULTS), JSON.stringify(Object.fromEntries(rows), undefined, 2));
});

function record(peer: Peer, title: string, cell: string): void {
  const rows = cells.get(peer.name) ?? new Map<string, string>([['product', peer.product]]);
  rows.set(title, cell);
  cells.set(peer.name, rows);
}

describe.each([embedded, ...up].map((peer) => ({ name: peer.name, peer })))('on $name', ({ peer }) => {
  // the order of the rows, whatever is tried
  for (const { title } of STORIES) record(peer, title, '');
  for (const story of STORIES) {
    const why = story.skip?.(peer);
    if (why !== undefined) {
      record(peer, story.title, `not tried: ${why}`);
      it.skip(`${story.title} (${why})`, () => undefined);
      continue;
    }
    it(
      story.title,
      async () => {
        record(peer, story.title, 'FAILED');
        const cell = await story.run(peer);
        record(peer, story.title, cell);
        expect(cell).toBe(story.known?.[peer.name] ?? 'yes');
      },
      story.timeoutMs ?? 30_000,
    );
  }
});
