import type { Socket } from 'node:net';
import { FrameSplitter } from './wire/frames.mjs';

export type Direction = 'up' | 'down';

/** What happens to the bytes of one direction. */
export interface PipeFaults {
  readonly blackhole?: boolean;
  readonly stalled?: boolean;
  readonly delayMs?: number;
  readonly jitterMs?: number;
  readonly sliceBytes?: number;
  readonly holdMs?: number;
  readonly corrupt?: { readonly offset: number; readonly mask: number };
}

interface CutPlace {
  readonly afterBytes: number | undefined;
  readonly atFrame: number | undefined;
  readonly inside: boolean;
}

/** What is still to be done on the far side, in order. */
interface Outgoing {
  readonly what: Buffer | 'end' | 'cut';
  readonly dueAt: number;
  /** Nothing else in the same turn. */
  readonly alone: boolean;
}

/** One direction of one proxied connection. */
export class ProxyPipe {
  private current: PipeFaults = {};
  private offset = 0;
  private passed = 0;
  private frames = 0;
  private splitter: FrameSplitter | undefined;
  private place: CutPlace | undefined;
  private onCut: (() => void) | undefined;
  private isCut = false;
  private readonly queue: Outgoing[] = [];
  private running = false;
  private timer: NodeJS.Timeout | undefined;
  private random = 1;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
  ) {
    from.on('data', (chunk: Buffer) => this.take(chunk));
    from.on('end', () => this.schedule('end'));
    from.on('close', () => clearTimeout(this.timer));
    to.on('drain', () => this.unpause());
  }

  get isBlackhole(): boolean {
    return this.current.blackhole === true;
  }

  set faults(faults: PipeFaults) {
    this.current = faults;
    if (faults.stalled === true) this.from.pause();
    else this.unpause();
  }

  /** False when a cut is already set on this pipe. */
  cutAt(place: CutPlace, onCut: () => void): boolean {
    if (this.place !== undefined || this.isCut) return false;
    this.place = place;
    this.onCut = onCut;
    if (place.atFrame !== undefined) this.splitter = new FrameSplitter();
    return true;
  }

  private take(chunk: Buffer): void {
    const bytes = this.corrupted(chunk);
    this.offset += bytes.length;
    if (this.isBlackhole || this.isCut) return;
    for (const part of this.upToCut(bytes)) this.schedule(part);
    if (this.isCut) this.schedule('cut');
  }

  private corrupted(chunk: Buffer): Buffer {
    const { corrupt } = this.current;
    const at = corrupt === undefined ? -1 : corrupt.offset - this.offset;
    if (corrupt === undefined || at < 0 || at >= chunk.length) return chunk;
    const copy = Buffer.from(chunk);
    copy[at] = (copy[at] ?? 0) ^ corrupt.mask;
    return copy;
  }

  /** The bytes that still pass; runs the cut when its place is reached. */
  private upToCut(bytes: Buffer): Buffer[] {
    const { place } = this;
    if (place === undefined) return [bytes];
    if (place.afterBytes !== undefined) {
      const left = place.afterBytes - this.passed;
      if (bytes.length < left) {
        this.passed += bytes.length;
        return [bytes];
      }
      this.isCut = true;
      return left > 0 ? [bytes.subarray(0, left)] : [];
    }
    const out: Buffer[] = [];
    for (const unit of this.splitter?.push(bytes) ?? []) {
      this.frames += 1;
      const isLast = this.frames >= (place.atFrame ?? 0);
      out.push(isLast && place.inside ? unit.bytes.subarray(0, unit.bytes.length >> 1) : unit.bytes);
      if (!isLast) continue;
      this.isCut = true;
      break;
    }
    return out;
  }

  private schedule(what: Outgoing['what']): void {
    if (this.isBlackhole) return;
    const { delayMs = 0, jitterMs = 0, holdMs = 0, sliceBytes } = this.current;
    const dueAt = performance.now() + delayMs + holdMs + jitterMs * this.nextRandom();
    if (sliceBytes === undefined || typeof what === 'string') this.queue.push({ what, dueAt, alone: false });
    else {
      for (let at = 0; at < what.length;) {
        const size = 1 + Math.floor(this.nextRandom() * sliceBytes);
        this.queue.push({ what: what.subarray(at, at + size), dueAt, alone: true });
        at += size;
      }
    }
    if (!this.running) this.run();
  }

  private run(): void {
    this.running = false;
    for (;;) {
      const next = this.queue[0];
      if (next === undefined) return;
      const waitMs = next.dueAt - performance.now();
      if (waitMs > 0) {
        this.running = true;
        this.timer = setTimeout(() => this.run(), waitMs);
        return;
      }
      this.queue.shift();
      if (next.what === 'end') this.to.end();
      else if (next.what === 'cut') this.to.write('', () => setImmediate(() => this.onCut?.()));
      else this.write(this.current.holdMs === undefined ? next.what : Buffer.concat([next.what, ...this.held()]));
      if (!next.alone) continue;
      this.running = true;
      setImmediate(() => this.run());
      return;
    }
  }

  /** Everything that waits, for one write. */
  private held(): Buffer[] {
    const parts: Buffer[] = [];
    while (this.queue[0] !== undefined && typeof this.queue[0].what !== 'string') {
      parts.push(this.queue[0].what);
      this.queue.shift();
    }
    return parts;
  }

  private write(bytes: Buffer): void {
    if (this.to.destroyed || this.to.writableEnded || this.isBlackhole) return;
    if (!this.to.write(bytes)) this.from.pause();
  }

  private unpause(): void {
    if (this.current.stalled !== true) this.from.resume();
  }

  /** The same sequence on every run. */
  private nextRandom(): number {
    this.random = (Math.imul(this.random, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return this.random / 0x8000_0000;
  }
}
