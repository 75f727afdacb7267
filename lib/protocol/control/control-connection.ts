// One connection of a client: what opens it, keeps it alive, and tells everybody once when it is over.

import { performance } from 'node:perf_hooks';
import {
  connectionClosedByPeer,
  connectionClosedHere,
  connectionLost,
  peerSilent,
  protocolError,
} from '../amqp-error.js';
import type { OpenConnectionOptions, PeerOpen, ProtocolConnection, ProtocolSession } from '../connection.js';
import { AmqpError, type PeerError } from '../errors.js';
import type { CloseFrame, OpenFrame } from '../frames/control-frames.js';
import { FramingError } from '../frames/framing-error.js';
import { Secrets } from '../secrets.js';
import { rethrowLater } from '../session/callback.js';
import { Plane } from '../session/plane.js';
import { INCOMING_WINDOW } from '../session/session.js';
import { ByteStream } from '../socket/byte-stream.js';
import { effectiveIdleMs, heartbeatInterval, KeepAlive } from '../socket/keep-alive.js';
import { FrameTrace } from '../trace/frame-trace.js';
import { FrameExchange } from './frame-exchange.js';
import { FrameIntake } from './frame-intake.js';
import { DEFAULT_CHANNEL_MAX, ourOpen, peerOpen } from './open-frames.js';
import { PeerClose } from './peer-close.js';
import { RheaSocket } from './rhea-socket.js';
import { createRheaConnection, type RheaConnection } from './rhea.js';
import { SessionOpener } from './session-opener.js';

const DEFAULT_HANDLE_MAX = 65_535;
/** How long the peer may take to end its side after we said why we close ours. */
const LINGER_MS = 1_000;

export class ControlConnection implements ProtocolConnection {
  private readonly stream: ByteStream;
  private readonly intake: FrameIntake;
  private readonly plane: Plane;
  private readonly rheaSocket: RheaSocket;
  private readonly rhea: RheaConnection;
  private readonly exchange: FrameExchange;
  private readonly sessions: SessionOpener;
  private phase: 'opening' | 'open' | 'closing' | 'over' = 'opening';
  private failure: AmqpError | undefined;
  private closeError: PeerError | undefined;
  private opened: PeerOpen | undefined;
  private keepAlive: KeepAlive | undefined;
  private closing: Promise<void> | undefined;
  private readonly peerClose = new PeerClose();
  private failOpening: (error: AmqpError) => void = () => undefined;

  constructor(private readonly options: OpenConnectionOptions) {
    const { stream, containerId, maxFrameSize, handleMax = DEFAULT_HANDLE_MAX, secrets = new Secrets() } = options;
    this.stream = new ByteStream(stream, {
      onBytes: (chunk) => this.intake.push(chunk),
      onLost: (cause) => this.finish(connectionLost(cause)),
    });
    const { writer } = this.stream;
    const trace = options.trace === undefined ? undefined : new FrameTrace(options.trace, maxFrameSize, secrets);
    if (trace !== undefined) writer.onWrite = (bytes) => trace.sent(bytes);
    this.plane = new Plane(writer, {
      detach: (link, how) => this.exchange.attachments.of(link)?.detach(how),
      onBlocked: (blocked) => options.onBlocked?.(blocked),
      handleMax,
      secrets,
    });
    this.rheaSocket = new RheaSocket((bytes) => this.fromRhea(bytes));
    this.rhea = createRheaConnection(this.rheaSocket, containerId, (trouble) => this.rheaTrouble(trouble));
    this.exchange = new FrameExchange({
      plane: this.plane,
      writer,
      rhea: this.rheaSocket,
      secrets,
      open: ourOpen(options),
      closeFrame: (): CloseFrame => ({ kind: 'close', error: this.closeError }),
      begin: { handleMax, incomingWindow: options.incomingWindow ?? INCOMING_WINDOW },
      channelLimit: () => this.sessionLimit,
      onBeginSent: (channel) => this.sessions.beginSent(channel),
      onOpen: (frame) => this.openReceived(frame),
      onClose: (frame) => this.closeReceived(frame),
    });
    this.sessions = new SessionOpener({
      plane: this.plane,
      rhea: this.rhea,
      exchange: this.exchange,
      limit: () => this.sessionLimit,
      failure: () => (this.phase === 'open' ? undefined : (this.failure ?? connectionClosedHere())),
    });
    this.intake = new FrameIntake({
      maxFrameSize,
      exchange: this.exchange,
      trace,
      onBroken: (error) => this.broken(error),
    });
  }

  /** SASL, then OPEN. @throws whatever ended it; the stream is destroyed then */
  async open(): Promise<void> {
    const { signal } = this.options;
    const failed = new Promise<never>((_resolve, reject) => {
      this.failOpening = reject;
    });
    failed.catch(() => undefined); // raced below; it may come when nobody waits any more
    const onAbort = (): void => {
      this.stream.destroy();
      // A signal's reason is whatever its owner gave.
      this.failOpening(signal.reason as AmqpError);
      this.finish(connectionClosedHere());
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      const authenticated = this.intake.authenticate(this.options, this.stream.writer);
      await Promise.race([authenticated, failed]);
      const aborted = new AbortController();
      const opened = this.rhea.open({ abortSignal: aborted.signal });
      this.intake.takeOver();
      opened.catch(() => undefined); // what really happened is in `failed`
      await Promise.race([opened, failed]).finally(() => aborted.abort());
      if (this.failure !== undefined) throw this.failure;
      this.phase = 'open';
    } catch (error) {
      // Rhea may be the first to say that it is over; why, it does not know.
      const failure = signal.aborted ? undefined : this.failure;
      this.stream.destroy();
      this.finish(connectionClosedHere());
      signal.throwIfAborted();
      throw failure ?? error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  get peer(): PeerOpen {
    if (this.opened === undefined) throw new TypeError('the connection is not open yet');
    return this.opened;
  }

  get sessionCount(): number {
    return this.plane.sessionCount;
  }

  get sessionLimit(): number {
    return Math.min(this.options.channelMax, this.opened?.channelMax ?? DEFAULT_CHANNEL_MAX) + 1;
  }

  beginSession(options: { readonly signal: AbortSignal }): Promise<ProtocolSession> {
    return this.sessions.begin(options.signal);
  }

  close(options: { readonly timeoutMs: number }): Promise<void> {
    this.closing ??= this.closeOnce(options.timeoutMs);
    return this.closing;
  }

  destroy(error: AmqpError): void {
    if (this.phase === 'over') return;
    this.phase = 'closing';
    this.stream.destroy();
    this.finish(error);
  }

  private async closeOnce(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    if (this.phase === 'open') {
      this.phase = 'closing';
      const abort = new AbortController();
      const closed = this.peerClose.within(timeoutMs);
      this.plane.writeSettlements();
      this.rhea.close({ abortSignal: abort.signal }).catch(() => undefined); // our own wait tells
      await closed;
      abort.abort();
    }
    this.phase = 'closing';
    const leftMs = Math.min(LINGER_MS, Math.max(0, deadline - performance.now()));
    const ended = this.stream.end(leftMs, false);
    this.finish(connectionClosedHere());
    await ended;
  }

  private fromRhea(bytes: Buffer): void {
    try {
      this.exchange.fromRhea(bytes);
    } catch (error) {
      this.rheaTrouble(error);
    }
  }

  /** The peer broke a rule, or we did while we read it: the reason is written, then the stream ends. */
  private broken(error: unknown): void {
    const condition = error instanceof FramingError ? error.condition : 'amqp:internal-error';
    const description = error instanceof Error ? error.message : String(error);
    if (!(error instanceof FramingError)) rethrowLater(error);
    this.closeWith({ condition, description }, protocolError(description, condition, error));
  }

  /** Rhea refused a frame that we made for it. That is a fault of ours, and costs this connection. */
  private rheaTrouble(trouble: unknown): void {
    if (this.phase === 'over') return;
    const cause = trouble instanceof Error ? trouble : undefined;
    const description = 'the control plane failed';
    this.closeWith({ condition: 'amqp:internal-error', description }, protocolError(description, undefined, cause));
  }

  private closeWith(closeError: PeerError, error: AmqpError): void {
    if (this.phase === 'over') return;
    this.closeError = closeError;
    this.endNow(error);
  }

  /** Our CLOSE goes out, and nothing after it: rhea would write its own in the next tick. */
  private endNow(error: AmqpError): void {
    this.intake.stop();
    this.stream.writer.discard();
    // Inside SASL there is no CLOSE.
    if (this.intake.isExchanging) this.exchange.writeClose();
    void this.stream.end(LINGER_MS, true);
    this.finish(error);
  }

  private openReceived(frame: OpenFrame): void {
    this.opened = peerOpen(frame);
    this.keepAlive = new KeepAlive(this.stream, {
      idleTimeoutMs: effectiveIdleMs(this.options.idleTimeoutMs),
      heartbeatMs: heartbeatInterval(this.options.heartbeatMs, frame.idleTimeoutMs, this.options.heartbeatRatio),
      onSilent: (silentMs) => {
        const description = `nothing came for ${Math.round(silentMs)} ms`;
        this.closeWith({ condition: 'amqp:resource-limit-exceeded', description }, peerSilent(silentMs));
      },
    });
    this.keepAlive.start();
  }

  private closeReceived(frame: CloseFrame): void {
    if (this.phase === 'closing') this.peerClose.arrived();
    else this.endNow(connectionClosedByPeer(frame.error));
  }

  /** The connection is over. Everybody is told, once. */
  private finish(error: AmqpError): void {
    if (this.phase === 'over') return;
    const { phase } = this;
    this.phase = 'over';
    this.failure = error;
    this.intake.stop();
    this.keepAlive?.stop();
    this.plane.fail(error);
    this.exchange.attachments.abandonAll();
    this.rheaSocket.disconnect();
    this.peerClose.arrived();
    this.sessions.stop();
    this.failOpening(error);
    if (phase !== 'open') return;
    try {
      this.options.onLost(error);
    } catch (thrown) {
      rethrowLater(thrown);
    }
  }
}
