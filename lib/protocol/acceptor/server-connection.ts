// One accepted byte stream: frames -> SASL -> OPEN -> sessions and links. What is wrong with it costs this connection and nothing else.

import type { Duplex } from 'node:stream';
import {
  connectionClosedByPeer,
  connectionClosedHere,
  connectionLost,
  peerSilent,
  protocolError,
} from '../amqp-error.js';
import type { AmqpError, PeerError } from '../errors.js';
import {
  type CloseFrame,
  type ControlFrame,
  decodeControlFrame,
  encodeControlFrame,
  type OpenFrame,
} from '../frames/control-frames.js';
import { Framer } from '../frames/framer.js';
import { FramingError } from '../frames/framing-error.js';
import { descriptorCode } from '../frames/scan.js';
import { Plane } from '../session/plane.js';
import { Writer } from '../socket/writer.js';
import type { AcceptedConnection, AcceptorHandlers, AcceptorOptions } from './acceptor.js';
import { endStream } from './end-stream.js';
import { AMQP_HEADER, Handshake } from './handshake.js';
import { KeepAlive } from './keep-alive.js';
import { NO_PEER, openAnswer, peerOf } from './open-frames.js';
import { ServerSessions } from './server-sessions.js';

/** A frame without a body (section 2.4.5). */
const HEARTBEAT = Buffer.from([0, 0, 0, 8, 2, 0, 0, 0]);
/** A peer that does not read what we answer is not read any more either. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;
const AMQP_FRAME = 0;
const SASL_FRAME = 1;

type Phase =
  | { readonly name: 'sasl' }
  | { readonly name: 'header' | 'open'; readonly identity: string }
  | { readonly name: 'running' }
  | { readonly name: 'over' };

export class ServerConnection implements AcceptedConnection {
  peer: AcceptedConnection['peer'] = NO_PEER;
  #phase: Phase = { name: 'sasl' };
  /** The layer above was told of it. */
  #isKnown = false;
  #keepAlive: KeepAlive | undefined;
  /** Came while SASL waited for its mechanism. */
  #keptBack: (() => void)[] = [];
  readonly #writer: Writer;
  readonly #plane: Plane;
  readonly #framer: Framer;
  readonly #handshake: Handshake;
  readonly #sessions: ServerSessions;
  readonly #deadline: NodeJS.Timeout;

  constructor(
    private readonly stream: Duplex,
    private readonly options: AcceptorOptions,
    private readonly handlers: AcceptorHandlers,
  ) {
    this.#writer = new Writer(stream);
    this.#plane = new Plane(this.#writer, {
      handleMax: options.handleMax,
      detach: (link, how) => this.#sessions.detach(link, how),
    });
    this.#sessions = new ServerSessions({
      connection: this,
      plane: this.#plane,
      options,
      onAttach: (request) => handlers.onAttach(request),
      write: (channel, frame) => this.#write(channel, frame),
    });
    this.#framer = new Framer(options.maxFrameSize, {
      header: (bytes) => this.#take(() => this.#onHeader(bytes)),
      frame: (buffer, start, size, bodyStart) =>
        this.#take(() => this.#onFrame(buffer, start, start + size, bodyStart)),
    });
    this.#handshake = new Handshake({
      mechanisms: options.sasl.mechanisms,
      identityWithout: options.sasl.identityWithout,
      write: (bytes) => this.#writer.append(bytes),
      done: (identity) => this.#authenticated(identity),
      failed: (reason) => this.#end(protocolError(reason, undefined), 'end'),
    });
    this.#deadline = setTimeout(() => this.destroy(), options.handshakeTimeoutMs);
    this.#deadline.unref();
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('error', (error: Error) => this.#end(connectionLost(error), 'destroy'));
    stream.on('end', () => this.#end(connectionLost(undefined), 'end'));
    stream.on('close', () => this.#end(connectionLost(undefined), 'destroy'));
    stream.on('drain', () => {
      if (!this.#handshake.isAuthenticating) stream.resume();
    });
  }

  close(error?: PeerError): void {
    this.#closeWith(error, connectionClosedHere());
  }

  destroy(): void {
    this.#end(connectionClosedHere(), 'destroy');
  }

  #onData(chunk: Buffer): void {
    if (this.#phase.name === 'over') return;
    this.#keepAlive?.heard();
    this.#guard(() => this.#framer.push(chunk));
    if (this.stream.writableLength > MAX_UNREAD_BYTES) this.stream.pause();
  }

  /** In order, also while SASL waits for somebody else's answer. */
  #take(run: () => void): void {
    if (!this.#handshake.isAuthenticating) run();
    else {
      this.#keptBack.push(run);
      // What this chunk holds bounds what is kept.
      this.stream.pause();
    }
  }

  #authenticated(identity: string): void {
    if (this.#phase.name !== 'sasl') return;
    // Without SASL the header that came was the AMQP one already.
    this.#phase = { name: 'header', identity };
    if (!this.#handshake.isSkipped) this.#releaseKeptBack();
    else this.#onHeader(AMQP_HEADER);
  }

  #releaseKeptBack(): void {
    const runs = this.#keptBack;
    this.#keptBack = [];
    this.#guard(() => {
      for (const run of runs) if (this.#phase.name !== 'over') run();
    });
    if (this.#phase.name !== 'over') this.stream.resume();
  }

  #onHeader(bytes: Buffer): void {
    if (this.#phase.name === 'sasl') {
      this.#handshake.header(bytes);
    } else if (this.#phase.name === 'header' && bytes.equals(AMQP_HEADER)) {
      this.#phase = { name: 'open', identity: this.#phase.identity };
      this.#writer.append(AMQP_HEADER);
    } else {
      throw new FramingError('a protocol header out of turn');
    }
  }

  #onFrame(buffer: Buffer, start: number, end: number, bodyStart: number): void {
    const type = buffer.readUInt8(start + 5);
    if (type !== (this.#phase.name === 'sasl' ? SASL_FRAME : AMQP_FRAME)) {
      throw new FramingError(`a frame of type ${type} out of turn`);
    }
    if (this.#phase.name === 'sasl') {
      this.#handshake.frame(buffer, bodyStart, end);
    } else if (this.#phase.name === 'header') {
      throw new FramingError('a frame before the AMQP header');
    } else if (bodyStart < end) {
      const channel = buffer.readUInt16BE(start + 6);
      const code = descriptorCode(buffer, bodyStart, end);
      if (this.#phase.name === 'running' && Plane.carries(code))
        this.#plane.data(code, channel, buffer, bodyStart, end);
      else this.#onControl(channel, decodeControlFrame(buffer, bodyStart, end));
    }
  }

  #onControl(channel: number, frame: ControlFrame): void {
    const phase = this.#phase;
    if (frame.kind === 'close') this.#onClose(frame);
    else if (phase.name === 'open' && frame.kind === 'open') this.#onOpen(frame, phase.identity);
    else if (phase.name === 'running' && frame.kind !== 'open') this.#sessions.received(channel, frame);
    else throw new FramingError(`${frame.kind} out of turn`, 'amqp:not-allowed');
  }

  #onOpen(frame: OpenFrame, identity: string): void {
    // First, so that a CLOSE for impossible limits has its OPEN before it.
    this.#writeOpen();
    this.#phase = { name: 'running' };
    this.#plane.received(0, frame);
    clearTimeout(this.#deadline);
    this.peer = peerOf(frame);
    this.#isKnown = true;
    this.#keepAlive = new KeepAlive({
      idleTimeoutMs: this.options.idleTimeoutMs,
      peerIdleTimeoutMs: frame.idleTimeoutMs,
      bytesWritten: () => this.#writer.bytesWritten,
      beat: () => this.#writer.append(HEARTBEAT),
      silent: (silentMs) => {
        const description = `nothing was heard for ${silentMs} ms`;
        this.#closeWith({ condition: 'amqp:resource-limit-exceeded', description }, peerSilent(silentMs));
      },
    });
    const refusal = this.handlers.onOpen(this, identity);
    if (refusal !== undefined) this.close(refusal);
  }

  #onClose({ error }: CloseFrame): void {
    if (this.#phase.name === 'open') this.#writeOpen();
    this.#write(0, { kind: 'close' });
    this.#end(error === undefined ? undefined : connectionClosedByPeer(error), 'end');
  }

  #writeOpen(): void {
    this.#write(0, openAnswer(this.options));
  }

  #write(channel: number, frame: ControlFrame): void {
    this.#writer.append(encodeControlFrame(channel, frame));
    this.#plane.sent(channel, frame);
  }

  /** Whatever goes wrong with what the peer sent ends here. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      const isTheirs = error instanceof FramingError;
      const condition = isTheirs ? error.condition : 'amqp:internal-error';
      const description = isTheirs ? error.message : 'the connection cannot go on';
      this.#closeWith({ condition, description }, protocolError(description, condition, error));
    }
  }

  #closeWith(error: PeerError | undefined, reason: AmqpError): void {
    if (this.#phase.name === 'over') return;
    const { name } = this.#phase;
    // Before the AMQP header there is nobody who could read a CLOSE.
    if (name === 'open') this.#writeOpen();
    if (name === 'open' || name === 'running') this.#write(0, { kind: 'close', error });
    this.#end(reason, 'end');
  }

  /** Once: links and the layer above are told, timers stop, the stream ends. */
  #end(reason: AmqpError | undefined, stream: 'end' | 'destroy'): void {
    if (this.#phase.name === 'over') {
      if (stream === 'destroy') this.stream.destroy();
      return;
    }
    this.#phase = { name: 'over' };
    clearTimeout(this.#deadline);
    this.#keepAlive?.stop();
    this.#framer.stop();
    this.#keptBack = [];
    if (stream === 'end') this.#writer.flush();
    this.#plane.fail(reason ?? connectionClosedHere());
    if (stream === 'destroy') this.stream.destroy();
    else endStream(this.stream);
    if (this.#isKnown) this.handlers.onClosed(this, reason);
  }
}
