import { AmqpConnection, InvalidOptionsError, type ConnectionOptions, type StatusEvent } from '../../client/index.js';

import type { PatternHandler } from './inherited-handlers.js';

/** What `on` of the server and the client proxy takes. */
// type: Nest asks for an index signature, which an interface does not give
export type AmqpTransportEvents = {
  readonly status: (event: StatusEvent) => void;
  /** Why the connection was lost, or could not be had. */
  readonly error: (error: Error) => void;
};

/** Runs before the connection closes with its application; intake stops at once, handlers get their time. */
export interface Attendant {
  close(): Promise<void>;
}

/** The application's side: finds connections of `AmqpModule.forRoot` by name or by themselves. */
export interface ConnectionDirectory {
  connection(name: string): AmqpConnection | undefined;
  /** Closes the attendant when the application begins to shut down, if the connection is one of the application's. */
  attend(connection: AmqpConnection, attendant: Attendant): void;
}

/** What a server or client proxy gets from the application that it stands in. */
export interface Application extends ConnectionDirectory {
  /** The handlers for that transport, with the application's global enhancers. */
  patternHandlers(transportId: unknown): readonly PatternHandler[];
}

/** Options of a connection of its own, a connection, or the name of one of the application. */
export type GivenConnection = AmqpConnection | string | ConnectionOptions;

/** Where a server or client proxy has its connection from, and who listens to it. */
export class TransportConnection {
  readonly isOwn: boolean;
  private readonly statusListeners = new Set<AmqpTransportEvents['status']>();
  private readonly errorListeners = new Set<AmqpTransportEvents['error']>();
  private directory: ConnectionDirectory | undefined;
  private found: AmqpConnection | undefined;

  /** @throws InvalidOptionsError for options that cannot work */
  constructor(private readonly given: GivenConnection) {
    this.isOwn = typeof given === 'object' && 'uri' in given;
    if (this.isOwn) this.use(new AmqpConnection(given as ConnectionOptions)); // true: a connection has no `uri`
  }

  /** One of the application's, by its name. */
  get isNamed(): boolean {
    return typeof this.given === 'string';
  }

  /** The application says where its connections are. */
  bind(directory: ConnectionDirectory): void {
    this.directory ??= directory;
  }

  /** @throws InvalidOptionsError when the application has none of the name, or is not there yet to be asked */
  get(): AmqpConnection {
    if (this.found !== undefined) return this.found;
    const { given } = this;
    if (typeof given !== 'string') return this.use(given as AmqpConnection); // true: options were used by the constructor
    const connection = this.directory?.connection(given);
    if (connection !== undefined) return this.use(connection);
    throw new InvalidOptionsError('connection', 'a name given to AmqpModule.forRoot of the same application', given);
  }

  attend(attendant: Attendant): void {
    this.directory?.attend(this.get(), attendant);
  }

  on<Event extends keyof AmqpTransportEvents>(event: Event, listener: AmqpTransportEvents[Event]): void {
    // true: the listener is the event's
    if (event === 'status') this.statusListeners.add(listener as AmqpTransportEvents['status']);
    if (event === 'error') this.errorListeners.add(listener as AmqpTransportEvents['error']);
  }

  /** Nobody hears of a shared connection any more. */
  release(): void {
    this.found?.off('status', this.onStatus);
  }

  private use(connection: AmqpConnection): AmqpConnection {
    this.found = connection;
    connection.on('status', this.onStatus);
    return connection;
  }

  private readonly onStatus = (event: StatusEvent): void => {
    for (const listener of this.statusListeners) listener(event);
    if (event.cause !== undefined) for (const listener of this.errorListeners) listener(event.cause);
  };
}
