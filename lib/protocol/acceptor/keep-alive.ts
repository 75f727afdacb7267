// Silence in both directions: a peer that says nothing is given up, and it hears from us in time.

export interface KeepAliveOptions {
  /** 0: never. */
  readonly idleTimeoutMs: number;
  /** What the peer asked for in its OPEN. */
  readonly peerIdleTimeoutMs: number | undefined;
  /** Bytes handed to the stream so far. */
  readonly bytesWritten: () => number;
  readonly beat: () => void;
  readonly silent: (silentMs: number) => void;
}

/** A peer may ask for less than half a second; so often is not. */
const MIN_BEAT_CHECK_MS = 125;
const CHECKS_PER_TIMEOUT = 2;
const LONGEST_TIMER_MS = 2_147_483_647;

export class KeepAlive {
  readonly #timers: NodeJS.Timeout[] = [];
  #heard = true;
  #silentChecks = 0;
  #isStopped = false;

  constructor(options: KeepAliveOptions) {
    const { idleTimeoutMs, peerIdleTimeoutMs } = options;
    if (idleTimeoutMs > 0) this.#watch(options, idleTimeoutMs / CHECKS_PER_TIMEOUT);
    if (peerIdleTimeoutMs !== undefined && peerIdleTimeoutMs > 0) this.#beat(options, peerIdleTimeoutMs / 4);
  }

  /** Bytes came from the peer. */
  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Counts whole intervals of silence. */
  #watch({ idleTimeoutMs, silent }: KeepAliveOptions, everyMs: number): void {
    this.#start(everyMs, () => {
      this.#silentChecks = this.#heard ? 0 : this.#silentChecks + 1;
      this.#heard = false;
      if (this.#silentChecks < CHECKS_PER_TIMEOUT) return;
      // After the event loop was blocked, timers run before what waits in the sockets is read: that is no silence.
      setImmediate(() =>
        setImmediate(() => {
          if (!this.#heard && !this.#isStopped) silent(idleTimeoutMs);
        }),
      );
    });
  }

  /** An empty frame when nothing was written since the last look: so never more than two looks go by in silence. */
  #beat({ bytesWritten, beat }: KeepAliveOptions, everyMs: number): void {
    let before = bytesWritten();
    this.#start(Math.max(MIN_BEAT_CHECK_MS, everyMs), () => {
      if (bytesWritten() === before) beat();
      before = bytesWritten();
    });
  }

  #start(everyMs: number, run: () => void): void {
    const timer = setInterval(run, Math.min(LONGEST_TIMER_MS, Math.max(1, everyMs)));
    timer.unref();
    this.#timers.push(timer);
  }
}
