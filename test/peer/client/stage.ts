// Connections to embedded brokers and scripted peers of one spec file; `afterEach(() => stage.clear())`.

import { expect } from '@jest/globals';
import { EmbeddedBroker, type EmbeddedQueue } from '../../../lib/broker/index.js';
import { AmqpConnection, type ConnectionOptions } from '../../../lib/client/index.js';
import { ScriptedPeer, type PeerScript } from '../../support/scripted-peer.js';

const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };

export class Stage {
  readonly #brokers: EmbeddedBroker[] = [];
  readonly #peers: ScriptedPeer[] = [];
  readonly #connections: AmqpConnection[] = [];

  /** @param queues of each broker that is given no others */
  constructor(private readonly queues: readonly (string | EmbeddedQueue)[]) {}

  async opened(options: ConnectionOptions): Promise<AmqpConnection> {
    const reconnect = { initialDelayMs: 4, maxDelayMs: 20 };
    const connection = new AmqpConnection({ reconnect, logger: quiet, ...options });
    this.#connections.push(connection);
    await connection.open();
    return connection;
  }

  async onBroker(
    options: Partial<ConnectionOptions> = {},
    queues = this.queues,
  ): Promise<{ readonly broker: EmbeddedBroker; readonly connection: AmqpConnection }> {
    const broker = await EmbeddedBroker.start({ port: false, queues: [...queues] });
    this.#brokers.push(broker);
    return { broker, connection: await this.opened({ uri: broker.uri, dial: broker.dial, ...options }) };
  }

  async peer(script?: PeerScript): Promise<ScriptedPeer> {
    const peer = await ScriptedPeer.listen(script);
    this.#peers.push(peer);
    return peer;
  }

  /** Closes everything. Fails when a client broke the protocol at one of the peers. */
  async clear(): Promise<void> {
    await Promise.all(this.#connections.splice(0).map((connection) => connection.close({ timeoutMs: 500 })));
    const violations = this.#peers.flatMap((peer) => peer.violations);
    await Promise.all(this.#peers.splice(0).map((peer) => peer.close()));
    await Promise.all(this.#brokers.splice(0).map((broker) => broker.stop()));
    expect(violations).toEqual([]);
  }
}
