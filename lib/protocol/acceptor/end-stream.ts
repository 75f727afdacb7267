import type { Duplex } from 'node:stream';

const LINGER_MS = 1_000;

/** Ends our side: what was written still goes out. A peer that does not end its own in time is not waited for. */
export function endStream(stream: Duplex): void {
  stream.end();
  // What still comes is not looked at, but has to be read for the end to be seen.
  stream.resume();
  const timer = setTimeout(() => stream.destroy(), LINGER_MS);
  timer.unref();
  stream.once('close', () => clearTimeout(timer));
}
