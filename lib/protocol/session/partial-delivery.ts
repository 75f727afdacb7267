// A message arriving in several frames: collected until the last one, or only counted once it is larger than allowed.

/** A delivery whose last frame has not come. */
export class PartialDelivery {
  buffer: Buffer;
  length = 0;
  presettled: boolean;
  isOversized = false;

  constructor(
    readonly deliveryId: number,
    readonly tag: string,
    readonly messageFormat: number,
    readonly transactionId: Buffer | undefined,
    presettled: boolean,
    private readonly maxBytes: number,
    firstBytes: number,
  ) {
    this.presettled = presettled;
    this.buffer = Buffer.allocUnsafeSlow(Math.min(firstBytes * 2, maxBytes));
  }

  /** Grows by doubling, so that many small frames cost no object each. Bytes over the limit are not kept. */
  add(bytes: Buffer, start: number, end: number): void {
    if (this.isOversized) return;
    const needed = this.length + end - start;
    if (needed > this.maxBytes) {
      this.isOversized = true;
      this.length = 0;
      this.buffer = Buffer.alloc(0);
      return;
    }
    if (needed > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(needed, this.buffer.length * 2), this.maxBytes));
      this.buffer.copy(larger, 0, 0, this.length);
      this.buffer = larger;
    }
    bytes.copy(this.buffer, this.length, start, end);
    this.length = needed;
  }
}
