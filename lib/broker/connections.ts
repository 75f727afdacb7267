// The connections of one broker: accepted, counted, served, ended.

import type { Duplex } from 'node:stream';
import {
  acceptConnection,
  type AcceptedConnection,
  type AcceptorOptions,
  type PeerError,
} from '../protocol/acceptor/index.js';
import type { AttachHandler } from './link/attach-handler.js';
import { BrokerConnection } from './link/broker-connection.js';
import type { Nodes } from './nodes/nodes.js';
import type { Router } from './nodes/router.js';

export interface ConnectionsOptions {
  readonly acceptor: AcceptorOptions;
  readonly maxConnections: number;
  readonly nodes: Nodes;
  readonly router: Router;
  readonly attachHandler: AttachHandler;
}

/** Streams beyond the limit that may still be told so; more are dropped. */
const TURNED_AWAY_AT_ONCE = 64;

export class Connections {
  readonly #open = new Map<AcceptedConnection, BrokerConnection>();
  /** All of them, and those among them that have not come as far as OPEN. */
  readonly #streams = new Set<Duplex>();
  readonly #handshaking = new Set<Duplex>();
  #whenEmpty: (() => void)[] = [];

  constructor(private readonly options: ConnectionsOptions) {}

  accept(stream: Duplex): void {
    const { acceptor, maxConnections, attachHandler } = this.options;
    if (this.#streams.size >= maxConnections + TURNED_AWAY_AT_ONCE) {
      stream.destroy();
      return;
    }
    this.#streams.add(stream);
    this.#handshaking.add(stream);
    stream.once('close', () => this.#streamClosed(stream));
    acceptConnection(stream, acceptor, {
      onOpen: (connection) => {
        this.#handshaking.delete(stream);
        return this.#opened(connection);
      },
      onAttach: (request) => {
        const connection = this.#open.get(request.connection);
        if (connection !== undefined) attachHandler.handle(request, connection);
      },
      onClosed: (connection) => this.#closed(connection),
    });
  }

  /** As a crash would. */
  drop(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  /** With a CLOSE where there is somebody to read it; resolves when every stream is closed, which takes a second at most. */
  async close(error: PeerError): Promise<void> {
    for (const stream of this.#handshaking) stream.destroy();
    for (const connection of this.#open.keys()) connection.close(error);
    if (this.#streams.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  #opened(accepted: AcceptedConnection): PeerError | undefined {
    this.#open.set(accepted, new BrokerConnection(accepted, this.options.router));
    if (this.#open.size <= this.options.maxConnections) return undefined;
    const description = `the broker takes at most ${this.options.maxConnections} connections`;
    return { condition: 'amqp:resource-limit-exceeded', description };
  }

  #closed(accepted: AcceptedConnection): void {
    const connection = this.#open.get(accepted);
    if (connection === undefined) return;
    this.#open.delete(accepted);
    connection.transactions.rollBackAll();
    this.options.nodes.ownerGone(connection);
  }

  #streamClosed(stream: Duplex): void {
    this.#streams.delete(stream);
    this.#handshaking.delete(stream);
    if (this.#streams.size > 0) return;
    const resolves = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of resolves) resolve();
  }
}
