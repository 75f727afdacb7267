// A message leaving: client.send or client.emit -> (here) -> request client or send client; replies come back the same way.

import { ClientProxy, type ReadPacket, type Serializer, type WritePacket } from '@nestjs/microservices';
import type { Observable } from 'rxjs';

import {
  AmqpError,
  type AmqpConnection,
  ClientClosedError,
  type ConnectionStatus,
  type RequestClient,
  type SendClient,
  type SendOptions,
  type Target,
} from '../../client/index.js';
import { recordParts } from '../amqp-record.js';
import {
  type AmqpClientProxyOptions,
  type ResolvedClientProxyOptions,
  resolveClientProxyOptions,
} from './client-proxy-options.js';
import { ClientsByTarget } from './clients-by-target.js';
import { DeserializedRequest, RunningRequest } from './running-request.js';
import { type AmqpTransportEvents, type ConnectionDirectory, TransportConnection } from './transport-connection.js';

/** What goes out, and where to. */
interface Outgoing {
  readonly target: Target;
  readonly data: unknown;
  readonly options: { -readonly [Name in keyof SendOptions]: SendOptions[Name] };
}

/**
 * The client side of the transport, for `ClientsModule`, `ClientProxyFactory` and `@Client()`:
 * `{ customClass: AmqpClientProxy, options: { uri, target } }`.
 *
 * `send` gives a cold Observable: it asks when subscribed to, and unsubscribing drops what would still come. Any number may be in
 * flight, all replies come over one link. `emit` sends at once and completes when the peer has accepted the event. Of an error reply
 * the Observable fails with its body, as with Nest's own transports; of everything else with an AmqpError.
 */
export class AmqpClientProxy extends ClientProxy<AmqpTransportEvents> {
  private readonly options: ResolvedClientProxyOptions;
  private readonly connection: TransportConnection;
  private readonly requesters: ClientsByTarget<RequestClient>;
  private readonly senders: ClientsByTarget<SendClient>;
  private connecting: Promise<AmqpConnection> | undefined;
  private closing: Promise<void> | undefined;

  /** @throws InvalidOptionsError for options that cannot work */
  constructor(options: AmqpClientProxyOptions) {
    super();
    this.options = resolveClientProxyOptions(options);
    this.connection = new TransportConnection(this.options.connection);
    this.connection.on('status', ({ status }) => this.tell(status));
    const { connection } = this;
    const { request, send } = this.options;
    this.requesters = new ClientsByTarget(
      (target) => connection.get().createRequestClient(target, request),
      ({ isIdle }) => isIdle,
    );
    this.senders = new ClientsByTarget(
      (target) => connection.get().createSendClient(target, send),
      ({ pendingMessages }) => pendingMessages.length === 0,
    );
  }

  /** The connection's status now, and each change of it. */
  override get status(): Observable<ConnectionStatus> {
    // true: nothing else goes in; a narrower type of the base would keep it from being a ClientProxy for Nest
    return super.status as Observable<ConnectionStatus>;
  }

  /**
   * Opens the connection; the first `send` or `emit` does it, too. Once it was open, it resolves at once.
   *
   * @throws ConnectionError, AuthenticationError, ClientClosedError; InvalidOptionsError for a name that is no connection's
   */
  connect(): Promise<AmqpConnection> {
    if (this.closing !== undefined)
      return Promise.reject(AmqpError.inOwnWords(new ClientClosedError('the client proxy is closed')));
    this.connecting ??= this.open().catch((error: unknown) => {
      this.connecting = undefined; // to be tried again
      throw error;
    });
    return this.connecting;
  }

  /** Requests in flight fail, events that were sent have a moment; an own connection closes. Never rejects, harmless twice. */
  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  /** `status`: each change of the connection. `error`: why it was lost or could not be had. */
  override on<Event extends keyof AmqpTransportEvents>(event: Event, callback: AmqpTransportEvents[Event]): void {
    this.connection.on(event, callback);
  }

  /**
   * The AmqpConnection.
   *
   * @throws InvalidOptionsError for a connection's name that the application does not have (yet)
   */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as Nest declares it
  unwrap<T = AmqpConnection>(): T {
    // true: by Nest's convention the caller names the type
    return this.connection.get() as T;
  }

  /** @internal The connection; `undefined`: it has the name of one of AmqpModule's. */
  get givenConnection(): AmqpConnection | undefined {
    return this.connection.isNamed ? undefined : this.connection.get();
  }

  /** @internal The application's connections by name. */
  bind(directory: ConnectionDirectory): void {
    this.connection.bind(directory);
  }

  protected publish(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const { deserializer } = this.options;
    const request =
      deserializer === undefined ? new RunningRequest(callback) : new DeserializedRequest(callback, deserializer);
    void this.ask(packet, request); // never rejects
    return () => request.cancel();
  }

  protected async dispatchEvent<T = unknown>(packet: ReadPacket): Promise<T> {
    const { target, data, options } = await this.outgoing(packet);
    await this.senders.of(target).send(data, options);
    // true: an event has no result
    return undefined as T;
  }

  /** Without a serializer, which may take its time, the request goes out at once. */
  private async ask(packet: ReadPacket, request: RunningRequest): Promise<void> {
    try {
      // By its id a serializer knows a request from an event.
      const outgoing = this.outgoing(this.options.serializer === undefined ? packet : this.assignPacketId(packet));
      const { target, data, options } = outgoing instanceof Promise ? await outgoing : outgoing;
      if (request.isCancelled) return;
      request.started(this.requesters.of(target).stream(data, options, request, request.takes));
    } catch (error) {
      request.error(error);
    }
  }

  private outgoing(packet: ReadPacket): Outgoing | Promise<Outgoing> {
    const { serializer } = this.options;
    // true: what a caller may give as a pattern
    const pattern = this.normalizePattern(packet.pattern as string);
    const given = recordParts(packet.data);
    return serializer === undefined
      ? this.complete(packet, pattern, given.options, given.data)
      : this.serialized(packet, pattern, given.options, given.data, serializer);
  }

  private async serialized(
    packet: ReadPacket,
    pattern: string,
    options: SendOptions,
    data: unknown,
    serializer: Serializer,
  ): Promise<Outgoing> {
    const made: unknown = await serializer.serialize({ ...packet, pattern, data });
    return this.complete(packet, pattern, options, made);
  }

  /** @param made the data, or the record that a serializer made of it */
  private complete({ metadata }: ReadPacket, pattern: string, given: SendOptions, made: unknown): Outgoing {
    const { data, options } = recordParts(made);
    const merged: Outgoing['options'] = { ...given, ...options, subject: pattern };
    if (metadata !== undefined || given.applicationProperties !== undefined)
      merged.applicationProperties = { ...metadata, ...given.applicationProperties, ...options.applicationProperties };
    return { target: this.options.target({ pattern }), data, options: merged };
  }

  private tell(status: ConnectionStatus): void {
    // oxlint-disable-next-line eslint/no-underscore-dangle -- Nest's name
    this._status$.next(status);
  }

  private async open(): Promise<AmqpConnection> {
    const connection = this.connection.get();
    this.tell(connection.status);
    await connection.open();
    return connection;
  }

  private async closeAll(): Promise<void> {
    const clients = [...this.requesters.all(), ...this.senders.all()];
    await Promise.all(clients.map((client) => client.close()));
    if (this.connection.isOwn) await this.connection.get().close();
    this.connection.release();
  }
}
