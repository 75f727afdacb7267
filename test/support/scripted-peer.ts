// A raw AMQP 1.0 server for tests: it answers as a sensible peer would, except where a script says otherwise, writes down every frame in
// both directions, and judges what the client writes (`violations`).

import { createServer, type AddressInfo, type Server } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Duplex } from 'node:stream';
import { duplexPair } from './duplex-pair.js';
import { PeerConnection } from './peer/peer-connection.js';
import type { PeerLink } from './peer/peer-link.js';
import {
  describeRecord,
  type NewRecord,
  type PeerScript,
  type ReceivedDelivery,
  type WireRecord,
} from './peer/script.js';
import type { FrameOf, Performative } from './wire/frames.mjs';

export { PeerConnection } from './peer/peer-connection.js';
export { PeerLink, type SendMessageOptions } from './peer/peer-link.js';
export { PeerSession } from './peer/peer-session.js';
export * from './peer/reply-faults.js';
export type { FrameHandler, PeerScript, ReceivedDelivery, WireRecord } from './peer/script.js';
export * from './wire/frames.mjs';
export * from './wire/message.mjs';
export * as wire from './wire/values.mjs';

/** An inbound frame and the connection on which it came. */
export type Arrived<P extends Performative> = FrameOf<P> & { readonly via: PeerConnection };

interface Waiter {
  readonly check: () => void;
  readonly fail: (error: Error) => void;
}

/** Shorter than Jest's own limit, so that the transcript is told. */
const DEFAULT_TIMEOUT_MS = 4_000;

/** The peer. `await ScriptedPeer.listen(script)` for a socket, `new ScriptedPeer(script)` and `dial` for in-memory streams. */
export class ScriptedPeer {
  readonly connections: PeerConnection[] = [];
  /** Every frame in both directions, in the order in which it was read or written. */
  readonly records: WireRecord[] = [];
  /** Complete messages of the client, in order. */
  readonly deliveries: ReceivedDelivery[] = [];
  /** What the client did against the protocol. Must stay empty. */
  readonly violations: string[] = [];
  private readonly taken = new Set<unknown>();
  private waiters: Waiter[] = [];
  private server: Server | undefined;
  private isTls = false;

  constructor(readonly script: PeerScript = {}) {}

  /** A peer on 127.0.0.1, on any free port. */
  static async listen(script: PeerScript = {}, tls?: TlsOptions): Promise<ScriptedPeer> {
    const peer = new ScriptedPeer(script);
    await peer.listen(tls);
    return peer;
  }

  get port(): number {
    return (this.server?.address() as AddressInfo | null)?.port ?? 0;
  }

  get uri(): string {
    return `${this.isTls ? 'amqps' : 'amqp'}://127.0.0.1:${this.port}`;
  }

  /** The latest connection. */
  get connection(): PeerConnection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error('nobody has connected');
    return last;
  }

  /** Opens a client's stream to this peer in memory; fits `ConnectionOptions.dial`. */
  readonly dial = async (): Promise<Duplex> => {
    const [client, server] = duplexPair();
    this.accept(server);
    return client;
  };

  /** Serves one stream. */
  accept(stream: Duplex): PeerConnection {
    const connection = new PeerConnection(this, stream, this.connections.length);
    this.connections.push(connection);
    this.wake();
    return connection;
  }

  async listen(tls?: TlsOptions): Promise<void> {
    this.isTls = tls !== undefined;
    const server = tls === undefined ? createServer({ allowHalfOpen: true, noDelay: true }) : createTlsServer(tls);
    server.on(tls === undefined ? 'connection' : 'secureConnection', (stream: Duplex) => this.accept(stream));
    server.on('tlsClientError', () => undefined); // A client that refuses the certificate is a test's business.
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    this.server = server;
  }

  /** Destroys every stream and stops listening; waits that are still open fail. */
  async close(): Promise<void> {
    for (const connection of this.connections) connection.stream.destroy();
    const { server } = this;
    this.server = undefined;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    for (const waiter of this.waiters.splice(0)) waiter.fail(new Error('the scripted peer was closed'));
  }

  /** The next frame of this kind from the client that was not given out before; `where` passes over others. */
  async next<P extends Performative>(
    performative: P,
    options: { readonly where?: (frame: FrameOf<P>) => boolean; readonly timeoutMs?: number } = {},
  ): Promise<Arrived<P>> {
    const find = (): Arrived<P> | undefined => {
      for (const record of this.records) {
        if (record.kind !== 'frame' || record.direction !== 'in' || this.taken.has(record)) continue;
        if (record.frame.performative !== performative) continue;
        const frame = record.frame as FrameOf<P>; // its kind was compared one line above
        if (options.where?.(frame) === false) continue;
        const via = this.connections[record.connection];
        if (via === undefined) continue;
        this.taken.add(record);
        return Object.assign({ via }, frame);
      }
      return undefined;
    };
    return this.wait(`a frame "${performative}"`, find, options.timeoutMs);
  }

  /** The next link that the client attaches. */
  async nextLink(role?: 'sender' | 'receiver', options: { readonly timeoutMs?: number } = {}): Promise<PeerLink> {
    const where = (attach: FrameOf<'attach'>): boolean => role === undefined || attach.role === (role === 'receiver');
    const attach = await this.next('attach', { where, ...options });
    const link = attach.via.sessions.get(attach.channel)?.links.get(attach.handle);
    if (link === undefined) throw new Error(`the link "${attach.name}" is gone`);
    return link;
  }

  /** The next complete message from the client. */
  async nextDelivery(options: { readonly timeoutMs?: number } = {}): Promise<ReceivedDelivery> {
    const find = (): ReceivedDelivery | undefined => {
      const delivery = this.deliveries.find((candidate) => !this.taken.has(candidate));
      this.taken.add(delivery);
      return delivery;
    };
    return this.wait('a message', find, options.timeoutMs);
  }

  /** The next stream that was accepted. */
  async nextConnection(options: { readonly timeoutMs?: number } = {}): Promise<PeerConnection> {
    const find = (): PeerConnection | undefined => {
      const connection = this.connections.find((candidate) => !this.taken.has(candidate));
      this.taken.add(connection);
      return connection;
    };
    return this.wait('a connection', find, options.timeoutMs);
  }

  /** Waits until something is so; asked again whenever anything crosses the wire. */
  async until(what: string, isSo: () => boolean, timeoutMs?: number): Promise<void> {
    await this.wait(what, () => (isSo() ? true : undefined), timeoutMs);
  }

  /** Inbound frames of one kind so far. */
  seen<P extends Performative>(performative: P): FrameOf<P>[] {
    return this.frames('in', performative);
  }

  /** Frames of one kind that the peer has sent so far. */
  sent<P extends Performative>(performative: P): FrameOf<P>[] {
    return this.frames('out', performative);
  }

  hasSent(connection: number, performative: Performative): boolean {
    return this.records.some(
      (r) =>
        r.kind === 'frame' &&
        r.direction === 'out' &&
        r.connection === connection &&
        r.frame.performative === performative,
    );
  }

  /** Everything that crossed the wire, one line each; the last `count`. */
  transcript(count = 60): string {
    return this.records.slice(-count).map(describeRecord).join('\n');
  }

  record(record: NewRecord): void {
    this.records.push({ ...record, at: performance.timeOrigin + performance.now() });
    this.wake();
  }

  received(delivery: ReceivedDelivery): void {
    this.deliveries.push(delivery);
  }

  violation(connection: PeerConnection, text: string): void {
    this.violations.push(`connection #${connection.number}: ${text}`);
  }

  private frames<P extends Performative>(direction: 'in' | 'out', performative: P): FrameOf<P>[] {
    return this.records.flatMap((record) =>
      record.kind === 'frame' && record.direction === direction && record.frame.performative === performative
        ? [record.frame as FrameOf<P>] // its kind was compared one line above
        : [],
    );
  }

  private wake(): void {
    for (const waiter of this.waiters) waiter.check();
  }

  private async wait<T>(what: string, find: () => T | undefined, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<T> {
    const found = find();
    if (found !== undefined) return found;
    return new Promise<T>((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.waiters = this.waiters.filter((other) => other !== waiter);
      };
      const fail = (error: Error): void => {
        end();
        reject(error);
      };
      const timer = setTimeout(() => {
        fail(new Error(`no ${what.replace(/^an? /, '')} within ${timeoutMs} ms. On the wire:\n${this.transcript()}`));
      }, timeoutMs);
      const check = (): void => {
        const result = find();
        if (result === undefined) return;
        end();
        resolve(result);
      };
      const waiter: Waiter = { check, fail };
      this.waiters.push(waiter);
    });
  }
}
