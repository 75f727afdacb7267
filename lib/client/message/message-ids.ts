// Random UUIDs (version 4, RFC 9562) for message ids: crypto.randomUUID's entropy at less than half of its price.

import { randomFillSync } from 'node:crypto';

/** Made at a time. An id is a slice of their common text, so this also bounds what one kept id holds in memory: 2.3 kB. */
const BATCH = 64;
/** Fetched at a time: a call for entropy costs as much for one id as for hundreds. */
const BATCHES_OF_ENTROPY = 4;
const BYTES = 16;
const LENGTH = 36;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** One source of ids; each client has its own. */
export class MessageIds {
  readonly #entropy = Buffer.alloc(BATCHES_OF_ENTROPY * BATCH * BYTES);
  #used = this.#entropy.length;
  #text = '';
  #next = BATCH;

  /** A new random UUID in its usual form. */
  next(): string {
    if (this.#next === BATCH) this.#fill();
    const start = LENGTH * this.#next++;
    return this.#text.slice(start, start + LENGTH);
  }

  #fill(): void {
    if (this.#used === this.#entropy.length) {
      randomFillSync(this.#entropy);
      this.#used = 0;
    }
    const bytes = this.#entropy.subarray(this.#used, this.#used + BATCH * BYTES);
    this.#used += bytes.length;
    let text = '';
    for (let index = 0; index < bytes.length; index++) {
      const place = index % BYTES;
      let byte = bytes[index] ?? 0;
      if (place === 6) byte = (byte & 0x0f) | 0x40;
      if (place === 8) byte = (byte & 0x3f) | 0x80;
      if (place === 4 || place === 6 || place === 8 || place === 10) text += '-';
      text += HEX[byte] ?? '';
    }
    // Flat, so that slicing does not walk a rope.
    this.#text = Buffer.from(text, 'latin1').toString('latin1');
    this.#next = 0;
  }
}
