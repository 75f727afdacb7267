// What crosses the wire, for people who look for a fault. It reads copies of nothing and changes nothing; without it nobody calls.

import { Framer } from '../frames/framer.js';
import { Secrets } from '../secrets.js';
import { frameLine } from './frame-line.js';

/** Larger than any frame that we write. */
const LARGEST_OWN_FRAME = 16_777_216;

/** `->` for what we write, `<-` for what the peer does, one line per frame. */
export class FrameTrace {
  private readonly out: Framer;
  private readonly in: Framer;

  constructor(
    private readonly write: (line: string) => void,
    maxFrameSize: number,
    private readonly secrets: Secrets = new Secrets(),
  ) {
    this.out = this.framer('->', LARGEST_OWN_FRAME);
    this.in = this.framer('<-', maxFrameSize);
  }

  /** Bytes go to the peer. */
  sent(bytes: Buffer): void {
    this.push(this.out, bytes);
  }

  /** Bytes came, and nobody has looked at them yet: a frame that ends the connection is seen too. */
  received(bytes: Buffer): void {
    this.push(this.in, bytes);
  }

  private push(framer: Framer, bytes: Buffer): void {
    try {
      framer.push(bytes);
    } catch {
      // Not a stream of frames: whoever reads it in earnest says so.
    }
  }

  private framer(arrow: string, maxFrameSize: number): Framer {
    return new Framer(maxFrameSize, {
      header: (bytes) =>
        this.tell(`${arrow} HEADER ${bytes[4] === 3 ? 'SASL' : 'AMQP'} ${[...bytes.subarray(5)].join('.')}`),
      frame: (buffer, start, size, bodyStart) =>
        this.tell(`${arrow} ${frameLine(buffer, start, start + size, bodyStart, this.secrets)}`),
    });
  }

  private tell(line: string): void {
    try {
      this.write(this.secrets.masked(line));
    } catch {
      // Nobody's connection is to end for a line of a log.
    }
  }
}
