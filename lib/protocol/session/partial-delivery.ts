// A message arriving in several frames: collected until the last one, or only counted once it is larger than allowed.

const NOTHING = Buffer.alloc(0);
/** Smaller pieces than this are gathered, so that many small frames cost no object each. */
const LEAST_PIECE = 4096;

/** A delivery whose last frame has not come. */
export class PartialDelivery {
  presettled: boolean;
  isOversized = false;

  private length = 0;
  /** What came, but for what is gathered behind it. */
  private pieces: Buffer[] = [];
  private gathered = NOTHING;
  private gatheredBytes = 0;

  constructor(
    readonly deliveryId: number,
    readonly tag: string,
    readonly messageFormat: number,
    readonly transactionId: Buffer | undefined,
    presettled: boolean,
    private readonly maxBytes: number,
  ) {
    this.presettled = presettled;
  }

  /**
   * A piece that fills at least half of the memory it came in stays there until the last one is here; others are copied together. So
   * no more than twice the message's bytes are held. Bytes over the limit are not kept.
   */
  add(bytes: Buffer, start: number, end: number): void {
    if (this.isOversized) return;
    const size = end - start;
    this.length += size;
    if (this.length > this.maxBytes) {
      this.isOversized = true;
      this.pieces = [];
      this.gathered = NOTHING;
      this.gatheredBytes = 0;
    } else if (size >= LEAST_PIECE && size * 2 >= bytes.buffer.byteLength) {
      this.closeGathered();
      this.pieces.push(bytes.subarray(start, end));
    } else this.gather(bytes, start, end);
  }

  /** The message's bytes, once the last of them were added; none when it is oversized. */
  join(): Buffer {
    this.closeGathered();
    const [first = NOTHING, ...others] = this.pieces;
    if (others.length === 0) return first;
    const whole = Buffer.allocUnsafeSlow(this.length);
    let at = 0;
    for (const piece of this.pieces) at += piece.copy(whole, at);
    return whole;
  }

  /** Grows by doubling: each byte is copied twice at most. */
  private gather(bytes: Buffer, start: number, end: number): void {
    const needed = this.gatheredBytes + end - start;
    if (needed > this.gathered.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(needed * 2, this.maxBytes));
      this.gathered.copy(larger, 0, 0, this.gatheredBytes);
      this.gathered = larger;
    }
    bytes.copy(this.gathered, this.gatheredBytes, start, end);
    this.gatheredBytes = needed;
  }

  private closeGathered(): void {
    if (this.gatheredBytes === 0) return;
    this.pieces.push(this.gathered.subarray(0, this.gatheredBytes));
    this.gathered = NOTHING;
    this.gatheredBytes = 0;
  }
}
