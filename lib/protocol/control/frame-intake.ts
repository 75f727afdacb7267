// What the peer sends, and who takes it: SASL first, then nobody yet, then the exchange.

import type { OpenConnectionOptions } from '../connection.js';
import { Framer, type FrameSink } from '../frames/framer.js';
import { Secrets } from '../secrets.js';
import type { Writer } from '../socket/writer.js';
import type { FrameTrace } from '../trace/frame-trace.js';
import { EarlyFrames } from './early-frames.js';
import { SaslClient } from './sasl-client.js';

export interface IntakeOptions {
  readonly maxFrameSize: number;
  readonly exchange: FrameSink;
  readonly trace: FrameTrace | undefined;
  /** The peer broke a rule, or we did while we read it. */
  readonly onBroken: (error: unknown) => void;
}

export class FrameIntake {
  private readonly framer: Framer;
  private readonly early = new EarlyFrames();
  private sink: FrameSink;

  constructor(private readonly options: IntakeOptions) {
    this.sink = options.exchange;
    this.framer = new Framer(options.maxFrameSize, {
      header: (bytes) => this.sink.header(bytes),
      frame: (buffer, start, size, bodyStart) => this.sink.frame(buffer, start, size, bodyStart),
    });
  }

  /** The exchange takes it; else SASL is not over yet. */
  get isExchanging(): boolean {
    return this.sink === this.options.exchange;
  }

  push(chunk: Buffer): void {
    this.options.trace?.received(chunk);
    this.guarded(() => this.framer.push(chunk));
  }

  /** Nothing more is read. */
  stop(): void {
    this.framer.stop();
  }

  /** What comes behind the end of SASL waits for `takeOver`. @throws AuthenticationError */
  async authenticate(
    { sasl, hostname, secrets = new Secrets() }: Pick<OpenConnectionOptions, 'sasl' | 'hostname' | 'secrets'>,
    writer: Writer,
  ): Promise<void> {
    const write = (bytes: Buffer): void => {
      writer.append(bytes);
      writer.flush();
    };
    const client = new SaslClient(sasl, hostname, write, secrets, () => {
      this.sink = this.early;
    });
    this.sink = client;
    client.start();
    await client.finished;
  }

  /** From here on the exchange takes everything, beginning with what waits. */
  takeOver(): void {
    const { exchange } = this.options;
    this.sink = exchange;
    this.guarded(() => this.early.release(exchange));
  }

  private guarded(read: () => void): void {
    try {
      read();
    } catch (error) {
      this.options.onBroken(error);
    }
  }
}
