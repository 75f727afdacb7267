// One row of requests and replies: per round and client a fresh responder and a fresh requester, checked by the answers.

import { fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sumOf } from '../bodies.mjs';
import { summary } from '../meter.mjs';
import { pinned } from '../pinned.mjs';

const TIMEOUT_MS = 120_000;
const WINDOW = 100;
const FILE = fileURLToPath(new URL('./process.mjs', import.meta.url));

/** Who is measured. Each is given the same queue, and may have as many requests in hand. */
const CLIENTS = new Map([
  ['ours', { file: 'ours', options: {} }],
  ['nest-rmq', { file: 'nest-rmq', options: { noAck: false } }],
  ['nest-rmq-no-delay', { file: 'nest-rmq', options: { noAck: false, noDelay: true } }],
  ['nest-rmq-noack', { file: 'nest-rmq', options: { noAck: true } }],
]);

/** A process and what it says, one thing after the other. */
function start(task, core) {
  const child = fork(FILE, [JSON.stringify(task)], pinned(core, ['--expose-gc']));
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  const exited = once(child, 'exit').then(([code, signal]) => {
    clearTimeout(timer);
    return code ?? signal;
  });
  const said = [];
  const news = new EventEmitter();
  child.on('message', (message) => {
    said.push(message);
    news.emit('message');
  });
  const next = async () => {
    if (said.length === 0) await Promise.race([once(news, 'message'), exited]);
    if (said.length > 0) return said.shift();
    throw new Error(`${task.id}: the ${task.role} of ${task.name} ended with ${await exited}`);
  };
  return {
    next,
    end: async () => {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

async function runOnce(task) {
  const responder = start({ ...task, role: 'responder' }, 1);
  try {
    await responder.next();
    const requester = start({ ...task, role: 'requester' }, 0);
    try {
      const [asked, answered] = await Promise.all([requester.next(), responder.next()]);
      return { ...asked, seen: answered.seen, responderCpuUs: answered.cpuUs };
    } finally {
      await requester.end();
    }
  } finally {
    await responder.end();
  }
}

function check(row, name, total, { sum, wrong, seen }) {
  const rules = { 'answers that are of another request': [wrong, 0], 'requests handled': [seen, total] };
  rules['the sum of the answers'] = [sum, sumOf(total)];
  for (const [what, [is, due]] of Object.entries(rules))
    if (is !== due) throw new Error(`${row.id}, ${name}: ${what}: ${is}, ${due} was due`);
}

/** Medians by client. Throws when an answer is missing or wrong. */
export async function measureRpcRow(row, broker, { rounds, quick }) {
  const count = quick ? row.quick : row.count;
  const warm = Math.ceil(count / 2);
  const results = new Map(row.clients.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? row.clients : row.clients.toReversed()) {
      const task = { ...row, name, client: CLIENTS.get(name), count, warm, window: WINDOW, prefetch: 2 * WINDOW };
      const result = await broker.withQueue((queue) => runOnce({ ...task, uri: broker.uri, queue }));
      check(row, name, warm + count, result);
      results.get(name).push(result);
    }
  }
  const valueOf = (result) => (row.kind === 'rpc-rtt' ? result.p50Us : result.perSecond);
  return Object.fromEntries(
    Array.from(results, ([name, all]) => {
      const cpu = (side) => summary(all, (result) => result[side]).value.toFixed(0);
      return [name, { ...summary(all, valueOf), note: `cpu ${cpu('cpuUs')} + ${cpu('responderCpuUs')} us` }];
    }),
  );
}
