// The input: what goes out, and what has to become of it. The labels stay here, no message carries one.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Where an order comes from; each channel has its queue, its consumer and its error policy. */
export type Channel = 'web' | 'shop' | 'partner';
export const channels: readonly Channel[] = ['web', 'shop', 'partner'];

/** What is the matter with a line. */
export type Reason = (typeof reasons)[number];
export const reasons = ['valid', 'duplicate', 'slow', 'flaky', 'poison', 'invalid', 'malformed'] as const;

/** One line. A duplicate has the id of the line it repeats. */
export interface InputLine {
  readonly id: string;
  readonly channel: Channel;
  readonly reason: Reason;
  readonly body: Buffer;
}

export const dataFile = fileURLToPath(new URL('../data/order-lines.tsv', import.meta.url));

/**
 * Reads a file of order lines.
 *
 * @throws {Error} a line that is no order line, with its number
 */
export async function readInput(path: string = dataFile): Promise<InputLine[]> {
  const lines: InputLine[] = [];
  let number = 0;
  for await (const text of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })) {
    number += 1;
    if (number === 1) continue;
    const [id, channel, reason, body, more] = text.split('\t');
    if (!id || !isChannel(channel) || !isReason(reason) || !body || more !== undefined) {
      throw new Error(`${path}:${number} is not an order line`);
    }
    lines.push({ id, channel, reason, body: Buffer.from(body) });
  }
  return lines;
}

function isChannel(text: string | undefined): text is Channel {
  return channels.some((channel) => channel === text);
}

function isReason(text: string | undefined): text is Reason {
  return reasons.some((reason) => reason === text);
}
