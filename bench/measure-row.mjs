// One row: every client in a fresh process per round, in turns, checked by what the peer counted.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { RICH, expectedHash, sumOf } from './bodies.mjs';
import { summary } from './meter.mjs';
import { pinned } from './pinned.mjs';

const TIMEOUT_MS = 120_000;

/** Runs one client once; rejects when it fails or does not end. */
async function runClient(task) {
  const file = fileURLToPath(new URL('./subject.mjs', import.meta.url));
  const child = fork(file, [JSON.stringify(task)], pinned(0, ['--expose-gc']));
  return new Promise((resolve, reject) => {
    let result;
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
    child.on('message', (message) => {
      result = message;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (result === undefined) reject(new Error(`${task.id}: the client ${task.client} ended with ${code ?? signal}`));
      else resolve(result);
    });
  });
}

/** What is wrong with what arrived; nothing when all is right. */
function faults(row, total, result, stats) {
  const found = [];
  const expect = (what, is, due) => {
    if (is !== due) found.push(`${what} is ${is}, ${due} was due`);
  };
  if (row.kind === 'send' || row.kind === 'rtt') {
    expect('received by the peer', stats.received, total);
    expect('the hash of the bodies', stats.hash, expectedHash(row.size, total));
    expect('durable', stats.sample?.header?.durable, true);
    expect('content-type', stats.sample?.properties?.contentType, 'application/json');
    expect('a message-id', stats.sample?.properties?.messageId === undefined, false);
    if (row.rich) {
      const { correlationId, subject } = stats.sample?.properties ?? {};
      const rich = { correlationId, subject, applicationProperties: stats.sample?.applicationProperties };
      expect('what the rich message carries', isDeepStrictEqual(rich, RICH), true);
    }
  } else {
    expect('handled', result.seen, total);
    expect('the sum of what was handled', result.sum, sumOf(total));
    expect('accepted at the peer', stats.accepted, total);
    expect('wrong dispositions', stats.wrong, 0);
  }
  return found;
}

const value = (row, result) => (row.kind === 'rtt' ? result.p50Us : result.cpuUs);

/** Medians by client. Throws when anything that arrived differs from what was sent. */
export async function measureRow(row, peer, { rounds, quick }) {
  const count = quick ? row.quick : row.count;
  const warm = Math.ceil(count / 2);
  const { clients } = row;
  const results = new Map(clients.map((client) => [client, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const client of round % 2 === 0 ? clients : clients.toReversed()) {
      await peer.take();
      const result = await runClient({ ...row, client, count, warm, port: peer.port });
      const found = faults(row, warm + count, result, await peer.take());
      if (found.length > 0) throw new Error(`${row.id}, ${client}: ${found.join('; ')}`);
      results.get(client).push(result);
    }
  }
  return Object.fromEntries(
    Array.from(results, ([client, all]) => [client, summary(all, (result) => value(row, result))]),
  );
}
