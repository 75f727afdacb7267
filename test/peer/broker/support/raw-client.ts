// A client that says exactly what it is told, right or wrong.

import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  AMQP_HEADER,
  type AnyFrame,
  decodeFrame,
  encodeFrame,
  type FrameFields,
  type FrameOf,
  FrameSplitter,
  type Loose,
  type Performative,
  SASL_HEADER,
} from '../../../support/wire/frames.mjs';

export type Sendable = Exclude<Performative, 'empty'>;

export class RawClient {
  static readonly #open = new Set<RawClient>();

  /** What came, as far as nobody asked for it yet. */
  readonly frames: AnyFrame[] = [];
  readonly headers: Buffer[] = [];
  readonly closed: Promise<void>;
  isClosed = false;
  #arrived: (() => void)[] = [];

  private constructor(readonly socket: Duplex) {
    const splitter = new FrameSplitter();
    socket.on('data', (chunk: Buffer) => {
      for (const { kind, bytes } of splitter.push(chunk)) {
        if (kind === 'header') this.headers.push(bytes);
        else this.frames.push(decodeFrame(bytes));
      }
      this.#wake();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isClosed = true;
        RawClient.#open.delete(this);
        this.#wake();
        resolve();
      });
    });
  }

  static async connect(port: number | undefined): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port: port ?? 0, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return RawClient.over(socket);
  }

  /** On a byte stream that is connected already. */
  static over(stream: Duplex): RawClient {
    const client = new RawClient(stream);
    RawClient.#open.add(client);
    return client;
  }

  /** For the end of a test. */
  static destroyAll(isMeant: (client: RawClient) => boolean = () => true): void {
    for (const client of RawClient.#open) if (isMeant(client)) client.destroy();
  }

  /** Up to an open connection. */
  static async open(port: number | undefined, fields: Loose<FrameFields['open']> = {}): Promise<RawClient> {
    const client = await RawClient.connect(port);
    await client.open(fields);
    return client;
  }

  /** Up to an open session on channel 0. */
  static async session(port: number | undefined): Promise<RawClient> {
    const client = await RawClient.open(port);
    await client.begin(0);
    return client;
  }

  async open(fields: Loose<FrameFields['open']> = {}): Promise<void> {
    this.write(SASL_HEADER);
    this.send('init', 0, { mechanism: 'ANONYMOUS' });
    await this.next('outcome');
    this.write(AMQP_HEADER);
    this.send('open', 0, { containerId: 'raw', ...fields });
    await this.next('open');
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  send<P extends Sendable>(performative: P, channel: number, fields: Loose<FrameFields[P]>, payload?: Buffer): void {
    this.write(encodeFrame(performative, channel, fields, payload));
  }

  async begin(channel: number): Promise<void> {
    this.send('begin', channel, { nextOutgoingId: 0, incomingWindow: 2_048, outgoingWindow: 2_048 });
    await this.next('begin');
  }

  /** Attaches a link that sends, and waits for credit. */
  async attachSender(
    address: string | undefined,
    handle = 0,
    fields: Loose<FrameFields['attach']> = {},
  ): Promise<void> {
    this.send('attach', 0, {
      name: `sender-${handle}`,
      handle,
      role: false,
      source: { kind: 'source' },
      target: { kind: 'target', ...(address === undefined ? {} : { address }) },
      initialDeliveryCount: 0,
      ...fields,
    });
    await this.next('attach');
    await this.next('flow');
  }

  /** Attaches a link that receives, without credit. */
  async attachReceiver(
    address: string,
    handle = 1,
    fields: Loose<FrameFields['attach']> = {},
  ): Promise<FrameOf<'attach'>> {
    this.send('attach', 0, {
      name: `receiver-${handle}`,
      handle,
      role: true,
      source: { kind: 'source', address },
      target: { kind: 'target' },
      ...fields,
    });
    return await this.next('attach');
  }

  /** Credit for a link on channel 0. */
  credit(handle: number, linkCredit: number, fields: Loose<FrameFields['flow']> = {}): void {
    this.send('flow', 0, {
      nextIncomingId: 0,
      incomingWindow: 2_048,
      nextOutgoingId: 0,
      outgoingWindow: 2_048,
      handle,
      deliveryCount: 0,
      linkCredit,
      ...fields,
    });
  }

  /** The next frame of that kind; others stay for who asks for them. Rejects when the connection ends without one. */
  async next<P extends Performative>(performative: P): Promise<FrameOf<P>> {
    for (;;) {
      const index = this.frames.findIndex((frame) => frame.performative === performative);
      const [found] = index === -1 ? [] : this.frames.splice(index, 1);
      // True: the tag says so.
      if (found !== undefined) return found as FrameOf<P>;
      if (this.isClosed) throw new Error(`the connection ended before a ${performative} came`);
      await new Promise<void>((resolve) => this.#arrived.push(resolve));
    }
  }

  destroy(): void {
    this.socket.destroy();
  }

  #wake(): void {
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const resolve of arrived) resolve();
  }
}
