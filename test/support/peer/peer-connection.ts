import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  AMQP_HEADER,
  EMPTY_FRAME,
  FrameSplitter,
  SASL_HEADER,
  decodeFrame,
  encodeFrame,
  type AnyFrame,
  type FrameFields,
  type FrameOf,
  type Loose,
  type Performative,
  type WireError,
} from '../wire/frames.mjs';
import { answer } from './default-answers.js';
import { PeerChecker } from './peer-checker.js';
import type { PeerLink } from './peer-link.js';
import type { PeerSession } from './peer-session.js';
import type { ScriptedPeer } from '../scripted-peer.js';
import type { NewRecord } from './script.js';

/** One accepted stream. */
export class PeerConnection {
  readonly sessions = new Map<number, PeerSession>();
  readonly checker: PeerChecker;
  /** What the client said in its OPEN. */
  clientOpen: FrameOf<'open'> | undefined;
  /** The response of the client's SASL init. */
  saslInit: FrameOf<'init'> | undefined;
  /** True: reads and drops everything, writes nothing on its own. */
  silent: boolean;
  isClosed = false;
  /** The client has ended its side: FIN, or it is gone. */
  isEnded = false;
  private readonly splitter = new FrameSplitter();
  private readonly queue: Buffer[] = [];
  private pumping = false;
  private heartbeat: NodeJS.Timeout | undefined;

  constructor(
    readonly peer: ScriptedPeer,
    readonly stream: Duplex,
    readonly number: number,
  ) {
    this.silent = peer.script.silent ?? false;
    this.checker = new PeerChecker(this);
    stream.on('data', (chunk: Buffer) => this.onData(chunk));
    stream.on('error', () => undefined); // Lost sockets are what these tests are about; 'close' follows.
    stream.on('end', () => {
      this.isEnded = true;
      this.record({ direction: 'in', connection: number, kind: 'end', size: 0 });
      if (!this.silent) stream.end();
    });
    stream.on('close', () => {
      this.isClosed = true;
      this.isEnded = true;
      clearInterval(this.heartbeat);
      this.record({ direction: 'in', connection: number, kind: 'closed', size: 0 });
    });
    this.record({ direction: 'in', connection: number, kind: 'accepted', size: 0 });
    void peer.script.onConnection?.(this);
  }

  /** Every attached link of the client. */
  get links(): PeerLink[] {
    return [...this.sessions.values()].flatMap((session) => Array.from(session.links.values()));
  }

  session(channel = 0): PeerSession {
    const session = this.sessions.get(channel);
    if (session === undefined) throw new Error(`connection #${this.number} has no session on channel ${channel}`);
    return session;
  }

  /** Sends a frame; the script's reply faults for its kind apply. */
  reply<P extends Exclude<Performative, 'empty'>>(
    performative: P,
    channel: number,
    fields: Loose<FrameFields[P]> = {},
    payload?: Buffer,
  ): void {
    this.through(performative, encodeFrame(performative, channel, fields, payload));
  }

  replyHeader(id: number): void {
    this.through('header', id === 3 ? SASL_HEADER : AMQP_HEADER);
  }

  /** Writes bytes as they are, after everything that was written before. */
  write(bytes: Buffer): void {
    this.recordOut(bytes);
    const size = this.peer.script.chunk ?? bytes.length;
    for (let at = 0; at < bytes.length; at += size) this.queue.push(bytes.subarray(at, at + size));
    if (!this.pumping) this.pump();
  }

  /** Ends the connection with a CLOSE frame; the stream stays until the client answers. */
  close(error?: WireError): void {
    this.reply('close', 0, error === undefined ? {} : { error });
  }

  /** Cuts the stream: RST on a socket, destroyed in memory. */
  drop(): void {
    if (this.stream instanceof Socket) this.stream.resetAndDestroy();
    else this.stream.destroy();
  }

  /** FIN: nothing more will be written. */
  finish(): void {
    this.stream.end();
  }

  /** Stops taking bytes off the stream, so that the client's writes back up. */
  stall(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  startHeartbeats(everyMs: number): void {
    clearInterval(this.heartbeat);
    this.heartbeat = setInterval(() => {
      if (!this.silent) this.write(EMPTY_FRAME);
    }, everyMs);
    this.heartbeat.unref();
  }

  private through(kind: Exclude<Performative, 'empty'> | 'header', bytes: Buffer): void {
    const { replies } = this.peer.script;
    const fault = replies?.[kind] ?? replies?.any;
    if (fault === undefined) this.write(bytes);
    else fault(bytes, (out) => this.write(out));
  }

  private pump(): void {
    const next = this.queue.shift();
    this.pumping = next !== undefined;
    if (next === undefined || this.stream.destroyed || this.stream.writableEnded) return;
    this.stream.write(next);
    if (this.peer.script.chunk === undefined) this.pump();
    else setImmediate(() => this.pump());
  }

  private onData(chunk: Buffer): void {
    if (this.silent) {
      this.record({ direction: 'in', connection: this.number, kind: 'bytes', size: chunk.length });
      return;
    }
    try {
      for (const unit of this.splitter.push(chunk)) {
        if (unit.kind === 'header') this.onHeader(unit.bytes[4] ?? 0);
        else this.onFrame(decodeFrame(Buffer.from(unit.bytes)));
      }
    } catch (error) {
      this.peer.violation(this, `the client's bytes cannot be read: ${String(error)}`);
      this.stream.destroy();
    }
  }

  private onHeader(id: number): void {
    this.record({ direction: 'in', connection: this.number, kind: 'header', protocolId: id });
    const byDefault = (): void => {
      this.replyHeader(id);
      const mechanisms = [...(this.peer.script.mechanisms ?? ['PLAIN', 'ANONYMOUS'])];
      if (id === 3) this.reply('mechanisms', 0, { mechanisms });
    };
    if (this.peer.script.onHeader === undefined) byDefault();
    else void this.peer.script.onHeader(this, id, byDefault);
  }

  private onFrame(frame: AnyFrame): void {
    this.checker.inbound(frame);
    answer(this, frame, () => {
      this.record({ direction: 'in', connection: this.number, kind: 'frame', frame });
    });
  }

  private recordOut(bytes: Buffer): void {
    const { number } = this;
    const isFrame = bytes.length >= 8 && bytes.readUInt32BE(0) === bytes.length;
    let record: NewRecord = { direction: 'out', connection: number, kind: 'bytes', size: bytes.length };
    if (bytes.equals(AMQP_HEADER) || bytes.equals(SASL_HEADER)) {
      record = { direction: 'out', connection: number, kind: 'header', protocolId: bytes[4] ?? 0 };
    } else if (isFrame) {
      try {
        const frame = decodeFrame(bytes);
        if ('performative' in frame) {
          record = { direction: 'out', connection: number, kind: 'frame', frame };
          this.checker.outbound(frame);
        }
      } catch {
        // Broken on purpose: it stays recorded as so many bytes.
      }
    }
    this.record(record);
  }

  private record(record: NewRecord): void {
    this.peer.record(record);
  }
}
