// A message leaving: client.send or client.emit -> (here) -> request client or send client; replies come back the same way.

import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import type { Observable } from 'rxjs';

import {
  type AmqpConnection,
  ClientClosedError,
  type ConnectionStatus,
  type ReceivedMessage,
  RequestError,
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
import { type AmqpTransportEvents, type ConnectionDirectory, TransportConnection } from './transport-connection.js';

type Callback = (packet: WritePacket) => void;

/** With a target for each pattern: so many are kept; the ones not used for longest and idle give way. */
const MOST_CLIENTS = 64;

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
  private readonly requesters = new Map<string, RequestClient>();
  private readonly senders = new Map<string, SendClient>();
  private connecting: Promise<AmqpConnection> | undefined;
  private closing: Promise<void> | undefined;

  /** @throws InvalidOptionsError for options that cannot work */
  constructor(options: AmqpClientProxyOptions) {
    super();
    this.options = resolveClientProxyOptions(options);
    this.connection = new TransportConnection(this.options.connection);
    this.connection.on('status', ({ status }) => this.tell(status));
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
  async connect(): Promise<AmqpConnection> {
    if (this.closing !== undefined) throw new ClientClosedError('the client proxy is closed');
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

  /** @internal The application's connections by name. */
  bind(directory: ConnectionDirectory): void {
    this.connection.bind(directory);
  }

  protected publish(packet: ReadPacket, callback: Callback): () => void {
    const unsubscribed = new AbortController();
    const fail = (err: unknown): void => {
      if (!unsubscribed.signal.aborted) callback({ err, isDisposed: true });
    };
    this.request(packet, callback, fail, unsubscribed.signal).catch(fail);
    return () => unsubscribed.abort();
  }

  protected async dispatchEvent<T = unknown>(packet: ReadPacket): Promise<T> {
    const { target, data, options } = await this.outgoing(packet);
    const { connection } = this;
    const client = keep(this.senders, target, isIdleSender, () =>
      connection.get().createSendClient(target, this.options.send),
    );
    await client.send(data, options);
    // true: an event has no result
    return undefined as T;
  }

  private async request(
    packet: ReadPacket,
    callback: Callback,
    fail: (error: unknown) => void,
    unsubscribed: AbortSignal,
  ): Promise<void> {
    const { target, data, options } = await this.outgoing(packet);
    const { connection } = this;
    const client = keep(this.requesters, target, isIdleRequester, () =>
      connection.get().createRequestClient(target, this.options.request),
    );
    const signal = options.signal === undefined ? unsubscribed : AbortSignal.any([options.signal, unsubscribed]);
    const { deserializer } = this.options;
    if (deserializer === undefined) {
      client.stream(
        data,
        { ...options, signal },
        {
          next: ({ body }) => callback({ response: body }),
          complete: () => callback({ isDisposed: true }),
          error: (error) => fail(error instanceof RequestError ? error.body : error),
        },
      );
      return;
    }
    // One after another, also where one takes its time.
    let reading: Promise<unknown> = Promise.resolve();
    const read = (message: ReceivedMessage): void => {
      reading = reading
        .then(async () => {
          const answer = (await deserializer.deserialize(message.body, { message })) as WritePacket; // as Nest's answer
          if (!unsubscribed.aborted) callback(answer);
        })
        .catch(fail);
    };
    client.stream(
      data,
      { ...options, signal },
      {
        next: read,
        complete: () => void (reading = reading.then(() => callback({ isDisposed: true }))),
        error: (error) => fail(error instanceof RequestError ? error.body : error),
      },
    );
  }

  private async outgoing(packet: ReadPacket): Promise<{ target: Target; data: unknown; options: SendOptions }> {
    // true: what a caller may give as a pattern
    const pattern = this.normalizePattern(packet.pattern as string);
    const { serializer } = this.options;
    const given = recordParts(packet.data);
    const made: unknown =
      serializer === undefined ? given.data : await serializer.serialize({ ...packet, pattern, data: given.data });
    const { data, options } = recordParts(made);
    const applicationProperties = {
      ...packet.metadata,
      ...given.options.applicationProperties,
      ...options.applicationProperties,
    };
    return {
      target: this.options.target({ pattern }),
      data,
      options: { ...given.options, ...options, subject: pattern, applicationProperties },
    };
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
    const clients = [...this.requesters.values(), ...this.senders.values()];
    await Promise.all(clients.map((client) => client.close()));
    if (this.connection.isOwn) await this.connection.get().close();
    this.connection.release();
  }
}

interface Kept {
  close(options: { readonly timeoutMs: number }): Promise<void>;
}

/** One client for each target. */
function keep<Client extends Kept>(
  clients: Map<string, Client>,
  target: Target,
  isIdle: (client: Client) => boolean,
  make: () => Client,
): Client {
  const key = JSON.stringify(target);
  const client = clients.get(key) ?? make();
  // Last in the map: used last.
  clients.delete(key);
  clients.set(key, client);
  if (clients.size > MOST_CLIENTS) {
    const oldest = [...clients].find(([, candidate]) => candidate !== client && isIdle(candidate));
    if (oldest !== undefined) {
      clients.delete(oldest[0]);
      oldest[1].close({ timeoutMs: 1_000 }).catch(() => undefined); // nothing was pending
    }
  }
  return client;
}

const isIdleSender = (client: SendClient): boolean => client.pendingMessages.length === 0;
const isIdleRequester = (client: RequestClient): boolean => client.isIdle;
