// rhea-promise, wired to a socket of ours. Nothing else of the project imports it, and no type of it leaves this folder.

import { Connection, ConnectionEvents, Container } from 'rhea-promise';
import type { RheaSocket } from './rhea-socket.js';

export type {
  Connection as RheaConnection,
  Receiver as RheaReceiver,
  Sender as RheaSender,
  Session as RheaSession,
} from 'rhea-promise';

/** The longest that a timer can wait. Every wait of ours ends by its own deadline, long before. */
const NEVER_SECONDS = 2_147_483;

/**
 * A connection of rhea that has not begun to open. Its container is its own, so that an application that uses rhea itself sees
 * nothing of ours. No user name: rhea leaves SASL out, which is over by then.
 */
export function createRheaConnection(
  socket: RheaSocket,
  containerId: string,
  onTrouble: (error: unknown) => void,
): Connection {
  const connect = (_port: number, _host: string, _options: unknown, connected: () => void): RheaSocket => {
    process.nextTick(connected);
    return socket;
  };
  const details = { host: 'peer', port: 0, options: {}, connect };
  const container = new Container();
  const connection = container.createConnection({
    host: details.host,
    port: details.port,
    container_id: containerId,
    reconnect: false,
    connection_details: () => details,
  });
  connection.options.operationTimeoutInSeconds = NEVER_SECONDS;
  // Without a listener rhea prints to the console, and an `error` event would end the process.
  connection.on(ConnectionEvents.error, (context: unknown) => onTrouble(context));
  connection.on(ConnectionEvents.protocolError, (context: unknown) => onTrouble(context));
  return connection;
}
