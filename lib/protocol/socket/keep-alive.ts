// Both directions of keep-alive (section 2.4.5): frames of ours when nothing else is written, and an eye on the peer's silence.

import { performance } from 'node:perf_hooks';
import type { ByteStream } from './byte-stream.js';

/** No peer gets frames more often than this, whatever it asks: one that asks for less than half a second drops us or lives with it. */
export const SHORTEST_HEARTBEAT_MS = 250;
/** Nobody is asked to send more often than this: RabbitMQ 4 refuses less. */
export const SHORTEST_ADVERTISED_MS = 1_000;

/** A longer one fires at once. */
const LONGEST_TIMER_MS = 2_147_483_647;
const EMPTY_FRAME = Buffer.from([0, 0, 0, 8, 2, 0, 0, 0]);

export interface KeepAliveOptions {
  /** Silence of the peer that ends the connection; 0: never. */
  readonly idleTimeoutMs: number;
  /** Longest time between two writes of ours; `undefined`: the peer does not mind. */
  readonly heartbeatMs: number | undefined;
  readonly onSilent: (silentMs: number) => void;
}

/** What we ask of the peer: half of the time after which we give up, but never less than a second. */
export function advertisedIdleMs(idleTimeoutMs: number): number | undefined {
  return idleTimeoutMs === 0 ? undefined : Math.max(SHORTEST_ADVERTISED_MS, Math.floor(idleTimeoutMs / 2));
}

/** The time after which we really give up: never before the peer had twice what was asked of it. */
export function effectiveIdleMs(idleTimeoutMs: number): number {
  return idleTimeoutMs === 0 ? 0 : Math.max(idleTimeoutMs, 2 * SHORTEST_ADVERTISED_MS);
}

/** How often we write: at most the wish of our user, at most this part of what the peer asked. */
export function heartbeatInterval(
  wishedMs: number | undefined,
  peerIdleMs: number | undefined,
  ratio = 0.5,
): number | undefined {
  const asked = peerIdleMs === undefined || peerIdleMs === 0 ? undefined : peerIdleMs * ratio;
  if (wishedMs === undefined && asked === undefined) return undefined;
  return Math.max(SHORTEST_HEARTBEAT_MS, Math.min(wishedMs ?? Infinity, asked ?? Infinity));
}

/** Two timers per connection; data costs them nothing. */
export class KeepAlive {
  private idleTimer: NodeJS.Timeout | undefined;
  private heartbeatTimer: NodeJS.Timeout | undefined;
  private bytesAtLastBeat = 0;
  private isStopped = false;

  constructor(
    private readonly stream: ByteStream,
    private readonly options: KeepAliveOptions,
  ) {}

  start(): void {
    const { idleTimeoutMs, heartbeatMs } = this.options;
    if (idleTimeoutMs > 0) this.watch(idleTimeoutMs);
    if (heartbeatMs === undefined) return;
    this.bytesAtLastBeat = this.stream.writer.bytesWritten;
    // Checked twice as often, so that a write just after a check does not double the gap.
    this.heartbeatTimer = setInterval(() => this.beat(), Math.min(heartbeatMs / 2, LONGEST_TIMER_MS));
    this.heartbeatTimer.unref();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.idleTimer);
    clearInterval(this.heartbeatTimer);
  }

  private beat(): void {
    const { writer } = this.stream;
    if (writer.bytesWritten === this.bytesAtLastBeat) writer.append(EMPTY_FRAME);
    writer.flush();
    this.bytesAtLastBeat = writer.bytesWritten;
  }

  private watch(delayMs: number): void {
    this.idleTimer = setTimeout(() => this.check(), Math.min(delayMs, LONGEST_TIMER_MS));
    this.idleTimer.unref();
  }

  private check(): void {
    const silentMs = performance.now() - this.stream.lastReadAt;
    const leftMs = this.options.idleTimeoutMs - silentMs;
    if (leftMs > 0) {
      this.watch(Math.ceil(leftMs));
      return;
    }
    // After a blocked event loop this timer runs before the bytes that wait in the socket are read: look again behind them.
    const seenAt = this.stream.lastReadAt;
    setImmediate(() => setImmediate(() => this.confirm(seenAt)));
  }

  private confirm(seenAt: number): void {
    if (this.isStopped) return;
    if (this.stream.lastReadAt !== seenAt) this.watch(this.options.idleTimeoutMs);
    else this.options.onSilent(performance.now() - seenAt);
  }
}
