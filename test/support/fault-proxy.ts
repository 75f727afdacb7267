// A TCP proxy on loopback that breaks what passes through it. `up` is from the client to the server, `down` the other way.

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ProxyPipe, type Direction, type PipeFaults } from './proxy-pipe.js';

export type { Direction } from './proxy-pipe.js';

/** Where a stream is cut: after so many bytes, or at the end (`inside`: in the middle) of the n-th frame, headers counted. */
export interface Cut {
  readonly direction: Direction;
  readonly afterBytes?: number;
  readonly atFrame?: number;
  readonly inside?: boolean;
  /** @default 'reset' */
  readonly how?: 'reset' | 'finish' | 'blackhole';
  /** Connections that are cut, from now on. @default 1 */
  readonly times?: number;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly up: ProxyPipe;
  readonly down: ProxyPipe;
}

/** Started with a port to forward to; passes everything on until told otherwise. Faults apply to open and to later connections. */
export class FaultProxy {
  /** Connections accepted so far. */
  accepted = 0;
  /** Sets the server of later connections: another port on loopback. */
  targetPort: number;
  private listener: Server | undefined;
  private ownPort = 0;
  private readonly pairs = new Set<Pair>();
  private readonly doomed = new Set<Socket>();
  private faults: Record<Direction, PipeFaults> = { up: {}, down: {} };
  private cuts: { cut: Cut; left: number }[] = [];
  private mode: 'pass' | 'accept-then-close' = 'pass';

  private constructor(targetPort: number) {
    this.targetPort = targetPort;
  }

  static async start(targetPort: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort);
    await proxy.listen();
    return proxy;
  }

  get port(): number {
    return this.ownPort;
  }

  get uri(): string {
    return `amqp://127.0.0.1:${this.ownPort}`;
  }

  /** Connections that are open on the client's side. */
  get open(): number {
    return this.pairs.size;
  }

  /** Ends every fault. What a black hole swallowed stays lost; what was stalled or held goes on. */
  async pass(): Promise<void> {
    this.mode = 'pass';
    this.cuts = [];
    this.faults = { up: {}, down: {} };
    this.apply();
    if (this.listener === undefined) await this.listen();
  }

  /** Takes everything and forwards nothing; not even an end. */
  blackhole(direction: Direction | 'both' = 'both'): void {
    this.set(direction, { blackhole: true });
  }

  /** Stops reading, so that the writer's buffers fill. */
  stall(direction: Direction | 'both' = 'both'): void {
    this.set(direction, { stalled: true });
  }

  /** Everything arrives this much later, give or take the jitter, in order. */
  latency(delayMs: number, options: { readonly jitterMs?: number; readonly direction?: Direction } = {}): void {
    this.set(options.direction ?? 'both', { delayMs, jitterMs: options.jitterMs ?? 0 });
  }

  /** Forwards 1 to `maxBytes` bytes at a time, each piece in a turn of its own. */
  slice(maxBytes = 3, direction: Direction | 'both' = 'both'): void {
    this.set(direction, { sliceBytes: maxBytes });
  }

  /** Holds what comes for so long and forwards it in one write. */
  coalesce(holdMs = 50, direction: Direction | 'both' = 'both'): void {
    this.set(direction, { holdMs });
  }

  /** Flips bits in the byte at this offset, counted on each connection from its beginning. */
  corrupt(direction: Direction, offset: number, mask = 0xff): void {
    this.set(direction, { corrupt: { offset, mask } });
  }

  /** Cuts the next connections (open ones included) at a place in their stream. */
  cut(cut: Cut): void {
    this.cuts.push({ cut, left: cut.times ?? 1 });
    for (const pair of this.pairs) this.arm(pair);
  }

  /** RST to both sides of every open connection. */
  reset(): void {
    for (const pair of this.pairs) this.resetPair(pair);
  }

  /** FIN to one side of every open connection; the other direction goes on. */
  finish(side: 'client' | 'server'): void {
    for (const { client, server } of this.pairs) (side === 'client' ? client : server).end();
  }

  /** Refuses connections; open ones go on. Until `pass()`. */
  async refuse(): Promise<void> {
    const { listener } = this;
    this.listener = undefined;
    // Its close event waits for the open connections, but the port is free when close() returns.
    listener?.close();
  }

  /** Accepts connections and closes them without a byte. Until `pass()`. */
  acceptThenClose(): void {
    this.mode = 'accept-then-close';
  }

  async close(): Promise<void> {
    const { listener } = this;
    this.listener = undefined;
    const closed =
      listener === undefined ? Promise.resolve() : new Promise<void>((resolve) => listener.close(() => resolve()));
    for (const pair of this.pairs) {
      pair.client.destroy();
      pair.server.destroy();
    }
    for (const socket of this.doomed) socket.destroy();
    await closed;
  }

  private async listen(): Promise<void> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.onClient(socket));
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(this.ownPort, '127.0.0.1', resolve);
    });
    this.listener = listener;
    this.ownPort = (listener.address() as AddressInfo).port;
  }

  private onClient(client: Socket): void {
    this.accepted += 1;
    client.on('error', () => undefined); // A broken socket is what a test asked for.
    if (this.mode === 'accept-then-close') {
      this.doomed.add(client);
      client.once('close', () => this.doomed.delete(client));
      client.end(() => client.destroy());
      return;
    }
    const server = connect({ port: this.targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    server.on('error', () => client.resetAndDestroy());
    const pair: Pair = { client, server, up: new ProxyPipe(client, server), down: new ProxyPipe(server, client) };
    this.pairs.add(pair);
    for (const [socket, other, pipe] of [
      [client, server, pair.up],
      [server, client, pair.down],
    ] as const) {
      socket.once('close', () => {
        if (client.destroyed && server.destroyed) this.pairs.delete(pair);
        if (!pipe.isBlackhole) other.destroy();
      });
    }
    this.arm(pair);
    this.applyTo(pair);
  }

  private arm(pair: Pair): void {
    const armed = this.cuts.find((candidate) => candidate.left > 0);
    if (armed === undefined) return;
    const { cut } = armed;
    const place = { afterBytes: cut.afterBytes, atFrame: cut.atFrame, inside: cut.inside ?? false };
    const isNew = pair[cut.direction].cutAt(place, () => {
      if (cut.how === 'finish') this.finishPair(pair);
      else if (cut.how === 'blackhole') for (const pipe of [pair.up, pair.down]) pipe.faults = { blackhole: true };
      else this.resetPair(pair);
    });
    if (isNew) armed.left -= 1;
  }

  private resetPair({ client, server }: Pair): void {
    client.resetAndDestroy();
    server.resetAndDestroy();
  }

  private finishPair({ client, server }: Pair): void {
    client.end();
    server.end();
  }

  private set(direction: Direction | 'both', fault: PipeFaults): void {
    for (const one of direction === 'both' ? (['up', 'down'] as const) : [direction]) {
      this.faults[one] = { ...this.faults[one], ...fault };
    }
    this.apply();
  }

  private apply(): void {
    for (const pair of this.pairs) this.applyTo(pair);
  }

  private applyTo(pair: Pair): void {
    pair.up.faults = this.faults.up;
    pair.down.faults = this.faults.down;
  }
}
