import type { AmqpConsumers } from 'nestjs-amqp10';
import type { Ledger } from '../ledger.js';

/** The whole run, whatever happens: then the balance says what is missing. */
const LIMIT_MS = 180_000;
const TICK_MS = 100;
/** So many looks in a row must find nothing new before the stream counts as ended: looks, since a busy machine may be late with them. */
const QUIET_TICKS = 15;

/** Shows how far the run is, and resolves when `published` is done and the consumers have had nothing in hand for a while. */
export async function watch(
  published: Promise<void>,
  total: number,
  sent: () => number,
  ledger: Ledger,
  consumers: AmqpConsumers,
): Promise<void> {
  const started = performance.now();
  let isPublished = false;
  let failure: unknown;
  published.then(
    () => (isPublished = true),
    (error: unknown) => (failure = error ?? new Error('publishing failed')),
  );
  let quietTicks = 0;
  let shown = -Infinity;
  let seen = -1;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    if (failure !== undefined) throw failure;
    const now = performance.now();
    const inHand = [...consumers.all().values()].reduce((sum, consumer) => sum + consumer.inHand, 0);
    const written = ledger.entries.length;
    quietTicks = !isPublished || inHand > 0 || written !== seen ? 0 : quietTicks + 1;
    seen = written;
    const isOver = quietTicks > QUIET_TICKS || now - started > LIMIT_MS;
    if (process.stdout.isTTY || isOver || now - shown >= 1_000) {
      shown = now;
      show(`sent ${sent()}/${total}  ledger ${written}  in hand ${inHand}  ${((now - started) / 1_000).toFixed(1)} s`);
    }
    if (isOver) break;
  }
  if (process.stdout.isTTY) process.stdout.write('\n');
}

function show(text: string): void {
  process.stdout.write(process.stdout.isTTY ? `\r${text}\x1b[K` : `${text}\n`);
}
