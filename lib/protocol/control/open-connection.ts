import type { OpenConnectionOptions, ProtocolConnection } from '../connection.js';
import { ControlConnection } from './control-connection.js';

/**
 * Opens an AMQP connection on a byte stream: SASL, then OPEN, until `options.signal` aborts.
 * @throws AuthenticationError, ConnectionError, or the signal's reason; the stream is destroyed then
 */
export async function openConnection(options: OpenConnectionOptions): Promise<ProtocolConnection> {
  const connection = new ControlConnection(options);
  await connection.open();
  return connection;
}
