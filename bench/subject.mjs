// One client, in a fresh process: `node subject.mjs '{ client, kind, size, count, warm, rich, port }'`. It opens, warms up, measures, and
// sends what it measured to its parent.

import { maker } from './bodies.mjs';
import { meter } from './meter.mjs';
import { oneAtATime } from './round-trips.mjs';

const task = JSON.parse(process.argv[2]);
const { kind, size, count, warm } = task;
const client = await import(new URL(`./subjects/${task.client}.mjs`, import.meta.url).href);
const valueOf = maker(size);
const WINDOW = 500;

async function measureSend() {
  const { sendAll, close } = await client.sender({ ...task, window: WINDOW });
  await sendAll(valueOf, 0, warm);
  const stop = meter();
  await sendAll(valueOf, warm, warm + count);
  const result = stop(count);
  await close();
  return result;
}

async function measureRoundTrips() {
  const { sendOne, close } = await client.sender({ ...task, window: 1 });
  const result = await oneAtATime((index) => sendOne(valueOf(index)), warm, count);
  await close();
  return result;
}

async function measureReceive() {
  const total = warm + count;
  let seen = 0;
  let sum = 0;
  let stop;
  let result;
  let finish;
  const finished = new Promise((resolve) => {
    finish = resolve;
  });
  const onValue = (value) => {
    seen += 1;
    sum += value.id;
    if (seen === warm) stop = meter();
    else if (seen === total) {
      result = stop(count);
      finish();
    }
  };
  const { close } = await client.receiver({ ...task, address: `source/${size}/${total}`, prefetch: 200 }, onValue);
  await finished;
  await close();
  return { ...result, seen, sum };
}

const measure = kind === 'send' ? measureSend : kind === 'rtt' ? measureRoundTrips : measureReceive;
const result = await measure();
const rssMiB = Math.round(process.memoryUsage().rss / 1_048_576);
process.send({ ...result, rssMiB }, () => process.exit(0));
