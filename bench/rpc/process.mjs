// One side of a row of requests, in a fresh process: `node process.mjs '{ role, client, kind, size, count, warm, window, uri, queue }'`.
// The responder tells its parent that it is ready, and at the end what it measured; the requester the same of its answers.

import { maker } from '../bodies.mjs';
import { meter } from '../meter.mjs';
import { manyAtOnce, oneAtATime } from '../round-trips.mjs';

const task = JSON.parse(process.argv[2]);
const { role, client, kind, size, count, warm, window } = task;
const { respond, requester } = await import(new URL(`./${client.file}.mjs`, import.meta.url).href);
const say = (message) => new Promise((resolve) => process.send(message, resolve));
const rssMiB = () => Math.round(process.memoryUsage().rss / 1_048_576);

async function runResponder() {
  let seen = 0;
  let stop;
  const close = await respond({ ...task, ...client.options }, () => {
    seen += 1;
    if (seen === warm) stop = meter();
    else if (seen === warm + count) void say({ seen, ...stop(count), rssMiB: rssMiB() });
  });
  process.on('disconnect', () => void close().finally(() => process.exit(0)));
  await say({ ready: true });
}

async function runRequester() {
  const valueOf = maker(size);
  const { ask, close } = await requester({ ...task, ...client.options });
  let sum = 0;
  let wrong = 0;
  const one = async (index) => {
    const value = valueOf(index);
    const answer = await ask(value);
    sum += answer.id;
    if (answer.id !== value.id || answer.pad !== value.pad) wrong += 1;
  };
  let result;
  if (kind === 'rpc-rtt') result = await oneAtATime(one, warm, count);
  else {
    await manyAtOnce(one, 0, warm, window);
    const stop = meter();
    await manyAtOnce(one, warm, warm + count, window);
    result = stop(count);
  }
  await say({ ...result, sum, wrong, rssMiB: rssMiB() });
  await close();
  process.exit(0);
}

await (role === 'responder' ? runResponder() : runRequester());
