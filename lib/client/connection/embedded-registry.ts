// How a client finds a broker that was started by name in this process, without knowing the broker: through one registry on the
// global object, so that the ESM and CommonJS copies of this package meet.

import type { Duplex } from 'node:stream';
import { AmqpError, ConnectionError } from '../../protocol/index.js';

const REGISTRY = Symbol.for('nestjs-amqp10:embedded-brokers');

/** @throws ConnectionError when no broker of this name is running */
export async function dialEmbedded(name: string, uri: string, signal: AbortSignal): Promise<Duplex> {
  const registry: unknown = Reflect.get(globalThis, REGISTRY);
  const entry: unknown = registry instanceof Map ? registry.get(name) : undefined;
  const dial: unknown = typeof entry === 'object' && entry !== null ? Reflect.get(entry, 'dial') : undefined;
  if (typeof dial !== 'function')
    throw AmqpError.inOwnWords(
      new ConnectionError(
        'connect-failed',
        `no embedded broker of the name "${name}" is running in this process (EmbeddedBroker.start({ name: '${name}' }) starts one)`,
      ),
    );
  // True: the registry's documented shape. A different one fails at once in openConnection.
  return (await Reflect.apply(dial, entry, [{ uri, signal }])) as Duplex;
}
