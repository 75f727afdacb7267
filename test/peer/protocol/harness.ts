// What the specs of the protocol layer share: a connection to a scripted peer, links with recorded callbacks, transfers that are promises.

import { connect as connectTcp, createServer, type AddressInfo, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { openConnection } from '../../../lib/protocol/control/open-connection.js';
import type {
  OpenConnectionOptions,
  ProtocolConnection,
  ProtocolSession,
  SaslMechanism,
} from '../../../lib/protocol/connection.js';
import type {
  AttachReceiverOptions,
  AttachSenderOptions,
  IncomingDelivery,
  OutgoingTransfer,
  ReceiverLink,
  SenderLink,
} from '../../../lib/protocol/links.js';
import type { AmqpError } from '../../../lib/protocol/errors.js';
import type { AmqpMessage } from '../../../lib/protocol/message/amqp-message.js';
import type { Outcome } from '../../../lib/protocol/outcome.js';
import type { Certificate } from '../../support/certificate.js';
import { ScriptedPeer, type PeerScript } from '../../support/scripted-peer.js';

export const ANONYMOUS: SaslMechanism = {
  name: 'ANONYMOUS',
  initialResponse: () => Buffer.from('spec'),
  step: () => {
    throw new Error('no challenge was expected');
  },
};

export function deadline(ms = 4_000): AbortSignal {
  return AbortSignal.timeout(ms);
}

/** Peers and connections of one spec file; `afterEach(() => bench.clear())`. */
export class Bench {
  private readonly peers: ScriptedPeer[] = [];
  private readonly connections: ProtocolConnection[] = [];
  private readonly closing: (() => unknown)[] = [];

  /** A peer on a socket; behind TLS with a certificate. */
  async peer(script: PeerScript = {}, certificate?: Certificate): Promise<ScriptedPeer> {
    const peer = await ScriptedPeer.listen(script, certificate);
    this.peers.push(peer);
    return peer;
  }

  async stream(peer: ScriptedPeer): Promise<Duplex> {
    return new Promise<Duplex>((resolve, reject) => {
      const socket = connectTcp({ host: '127.0.0.1', port: peer.port, noDelay: true }, () => resolve(socket));
      socket.once('error', reject);
    });
  }

  /** An open connection, its `lost` errors and `blocked` reports. */
  async connect(peer: ScriptedPeer, options: Partial<OpenConnectionOptions> = {}): Promise<Connected> {
    const lost: AmqpError[] = [];
    const blocked: boolean[] = [];
    const connection = await openConnection({
      stream: options.stream ?? (await this.stream(peer)),
      containerId: 'spec',
      sasl: ANONYMOUS,
      maxFrameSize: 65_536,
      channelMax: 65_535,
      idleTimeoutMs: 0,
      signal: deadline(),
      onLost: (error) => lost.push(error),
      onBlocked: (isBlocked) => blocked.push(isBlocked),
      ...options,
    });
    this.connections.push(connection);
    return { connection, lost, blocked };
  }

  /** A peer, a connection and a session on it. */
  async session(script: PeerScript = {}, options: Partial<OpenConnectionOptions> = {}): Promise<Opened> {
    const peer = await this.peer(script);
    const connected = await this.connect(peer, options);
    const session = await connected.connection.beginSession({ signal: deadline() });
    return { peer, session, ...connected };
  }

  /** A session and a link that sends. */
  async sender(
    script: PeerScript = {},
    link: Partial<AttachSenderOptions> = {},
  ): Promise<Opened & { sender: TestSender }> {
    const opened = await this.session(script);
    return { ...opened, sender: await TestSender.attach(opened.session, link) };
  }

  /** A session and a link that receives. */
  async receiver(
    script: PeerScript = {},
    link: Partial<AttachReceiverOptions> = {},
  ): Promise<Opened & { receiver: TestReceiver }> {
    const opened = await this.session(script);
    return { ...opened, receiver: await TestReceiver.attach(opened.session, link) };
  }

  /** A server of the test's own, on a port that is free. */
  async listening(server: Server): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.onClear(() => new Promise((resolve) => server.close(resolve)));
    // It listens on a port, not on a path.
    return (server.address() as AddressInfo).port;
  }

  /** Where nobody listens. */
  async closedPort(): Promise<number> {
    const server = createServer();
    const port = await this.listening(server);
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  /** At the end of the test, after the connections and the peers. */
  onClear(close: () => unknown): void {
    this.closing.push(close);
  }

  async clear(): Promise<void> {
    await Promise.all(this.connections.splice(0).map((connection) => connection.close({ timeoutMs: 500 })));
    await Promise.all(this.peers.splice(0).map((peer) => peer.close()));
    await Promise.all(this.closing.splice(0).map((close) => close()));
  }
}

export interface Connected {
  readonly connection: ProtocolConnection;
  readonly lost: AmqpError[];
  readonly blocked: boolean[];
}

export interface Opened extends Connected {
  readonly peer: ScriptedPeer;
  readonly session: ProtocolSession;
}

/** What became of one transfer. */
export type Fate =
  | { readonly kind: 'settled'; readonly outcome: Outcome | undefined; readonly problem: string | undefined }
  | { readonly kind: 'failed'; readonly error: AmqpError; readonly written: boolean };

/** A transfer whose fate is a promise, and which counts how often it was told. */
export class TestTransfer implements OutgoingTransfer {
  readonly fate: Promise<Fate>;
  told = 0;
  /** Told while `send` was still running. */
  toldTooEarly = false;
  isSending = false;
  readonly message: AmqpMessage;
  private resolve: (fate: Fate) => void = () => undefined;

  constructor(
    body: Buffer | string,
    readonly encoded?: Buffer,
    readonly presettled?: boolean,
    readonly transactionId?: Buffer,
  ) {
    this.message = { body, bodyType: 'data' };
    this.fate = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  settled(outcome: Outcome | undefined, problem?: string): void {
    this.tell({ kind: 'settled', outcome, problem });
  }

  failed(error: AmqpError, written: boolean): void {
    this.tell({ kind: 'failed', error, written });
  }

  private tell(fate: Fate): void {
    this.told += 1;
    this.toldTooEarly ||= this.isSending;
    this.resolve(fate);
  }
}

/** A sender link with a queue in front of it, as a client would have. */
export class TestSender {
  readonly closed: AmqpError[] = [];
  drained = 0;
  sendable = 0;
  link!: SenderLink;
  private readonly queue: TestTransfer[] = [];

  static async attach(session: ProtocolSession, options: Partial<AttachSenderOptions> = {}): Promise<TestSender> {
    const sender = new TestSender();
    sender.link = await session.attachSender({
      name: 'sender',
      source: {},
      target: { address: 'orders' },
      settleMode: 'unsettled',
      signal: deadline(),
      onClosed: (error) => sender.closed.push(error),
      onSendable: () => {
        sender.sendable += 1;
        sender.pump();
      },
      onDrained: () => {
        sender.drained += 1;
      },
      ...options,
    });
    sender.pump();
    return sender;
  }

  post(transfer: TestTransfer | Buffer | string): TestTransfer {
    const posted = transfer instanceof TestTransfer ? transfer : new TestTransfer(transfer);
    this.queue.push(posted);
    this.pump();
    return posted;
  }

  pump(): void {
    // The link is not there yet while its own attach is under way.
    const link = this.link as SenderLink | undefined;
    if (link === undefined) return;
    while (this.queue.length > 0) {
      const next = this.queue[0];
      if (next === undefined) return;
      next.isSending = true;
      const taken = link.send(next);
      next.isSending = false;
      if (!taken) return;
      this.queue.shift();
    }
  }
}

/** One delivery, its bytes copied. */
export interface Arrival {
  readonly delivery: IncomingDelivery;
  readonly bytes: Buffer;
}

export class TestReceiver {
  readonly arrivals: Arrival[] = [];
  readonly closed: AmqpError[] = [];
  /** The most that was ever in hand. */
  most = 0;
  link!: ReceiverLink;
  private waiters: (() => void)[] = [];

  static async attach(session: ProtocolSession, options: Partial<AttachReceiverOptions> = {}): Promise<TestReceiver> {
    const receiver = new TestReceiver();
    receiver.link = await session.attachReceiver({
      name: 'receiver',
      source: { address: 'orders' },
      target: {},
      settleMode: 'unsettled',
      maxMessageBytes: 1_000_000,
      signal: deadline(),
      onClosed: (error) => receiver.closed.push(error),
      onDelivery: (delivery, payload, start, end) => {
        receiver.most = Math.max(receiver.most, receiver.link.inHand);
        receiver.arrivals.push({ delivery, bytes: Buffer.from(payload.subarray(start, end)) });
        for (const waiter of receiver.waiters.splice(0)) waiter();
      },
      ...options,
    });
    return receiver;
  }

  /** Resolves when this many have arrived in all. */
  async count(total: number): Promise<Arrival[]> {
    while (this.arrivals.length < total) {
      // oxlint-disable-next-line no-await-in-loop -- one arrival after the other
      await new Promise<void>((resolve) => this.waiters.push(resolve));
    }
    return this.arrivals;
  }
}

/** The bytes of a message with one data section. */
export function data(text: string | Buffer): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.from([0, 0x53, 0x75, 0xb0, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
}

/** What tasks throw from now on, in place of ending the process. `restore()` when done. */
export function catchRethrown(): { readonly thrown: unknown[]; readonly restore: () => void } {
  const real = globalThis.setImmediate;
  const thrown: unknown[] = [];
  const guarded = (task: (...args: unknown[]) => void, ...args: unknown[]): NodeJS.Immediate =>
    real(() => {
      try {
        task(...args);
      } catch (error) {
        thrown.push(error);
      }
    });
  // Its promisified form is not used here.
  globalThis.setImmediate = guarded as typeof real;
  return { thrown, restore: () => void (globalThis.setImmediate = real) };
}

/** One turn of the event loop. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
