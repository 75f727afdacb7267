// The broker without its front doors: nodes, routing, service nodes, time and the connections that were accepted.

import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { VERSION } from '../protocol/acceptor/index.js';
import { Connections } from './connections.js';
import { IdleWatch } from './idle-watch.js';
import { AttachHandler } from './link/attach-handler.js';
import type { BrokerConnection } from './link/broker-connection.js';
import type { ServiceName } from './nodes/address.js';
import { Nodes } from './nodes/nodes.js';
import { Router } from './nodes/router.js';
import type { ResolvedBrokerOptions } from './resolve-broker-options.js';
import { ANONYMOUS_IDENTITY, saslMechanisms } from './sasl.js';
import { Claims } from './service/claims.js';
import { QueueManagement } from './service/queue-management.js';
import { RabbitManagement } from './service/rabbit-management.js';
import type { Service } from './service/service.js';
import { declareInitialTopology } from './initial-topology.js';
import { systemClock, Timetable } from './timetable.js';

const PRODUCT = 'nestjs-amqp10-embedded';
const CHANNEL_MAX = 255;
const HANDLE_MAX = 255;
const HANDSHAKE_TIMEOUT_MS = 10_000;

export class Broker {
  readonly nodes: Nodes;
  readonly #timetable = new Timetable(systemClock);
  readonly #idleWatch: IdleWatch;
  readonly #connections: Connections;

  /** @throws {InvalidOptionsError} a binding to something that is not there */
  constructor(private readonly options: ResolvedBrokerOptions) {
    const timetable = this.#timetable;
    this.nodes = new Nodes({
      now: () => timetable.now(),
      schedule: (at, run) => timetable.schedule(at, run),
      deadLetter: (queue, message, death) => router.deadLetter(queue, message, death),
      changed: () => this.#idleWatch.changed(),
    });
    const router = new Router(this.nodes);
    this.#idleWatch = new IdleWatch(() => this.nodes.queues());
    declareInitialTopology(this.nodes, options);
    const { autoCreateQueues, senderCredit, maxMessageBytes, maxLinksPerConnection, maxConnections } = options;
    const attachHandler = new AttachHandler({
      nodes: this.nodes,
      router,
      services: this.#services(),
      now: () => timetable.now(),
      autoCreateQueues,
      senderCredit,
      maxMessageBytes,
      maxLinksPerConnection,
      tokenRequired: options.cbs.required,
    });
    const acceptor = acceptorOptions(options);
    this.#connections = new Connections({ acceptor, maxConnections, nodes: this.nodes, router, attachHandler });
  }

  /** Serves a byte stream, which is owned from here on. */
  accept(stream: Duplex): void {
    this.#connections.accept(stream);
  }

  idle(timeoutMs: number): Promise<void> {
    return this.#idleWatch.wait(timeoutMs);
  }

  dropConnections(): void {
    this.#connections.drop();
  }

  async stop(): Promise<void> {
    const description = 'the embedded broker is stopped';
    await this.#connections.close({ condition: 'amqp:connection:forced', description });
    this.#idleWatch.stop();
    this.#timetable.stop();
  }

  #services(): ReadonlyMap<ServiceName, Service> {
    const { required, validate } = this.options.cbs;
    const claims = new Claims(validate, (connection) => {
      if (required) this.#watchToken(connection);
    });
    const services = [new RabbitManagement(this.nodes), new QueueManagement(this.nodes), claims];
    return new Map(services.map((service) => [service.name, service]));
  }

  /** Links end with the last token of their connection. */
  #watchToken(connection: BrokerConnection): void {
    const { expiresAt } = connection.tokens;
    if (!Number.isFinite(expiresAt)) return;
    this.#timetable.schedule(expiresAt, () => {
      if (connection.tokens.expiresAt > this.#timetable.now()) return;
      connection.detachAll({ condition: 'amqp:unauthorized-access', description: 'the token has expired' });
    });
  }
}

function acceptorOptions(options: ResolvedBrokerOptions): ConstructorParameters<typeof Connections>[0]['acceptor'] {
  const { users, allowAnonymous, maxFrameSize, maxMessageBytes, idleTimeoutMs } = options;
  return {
    containerId: `${PRODUCT}-${randomUUID()}`,
    maxFrameSize,
    channelMax: CHANNEL_MAX,
    handleMax: HANDLE_MAX,
    idleTimeoutMs,
    handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    maxMessageBytes,
    properties: { product: PRODUCT, version: VERSION, ...options.properties },
    offeredCapabilities: ['ANONYMOUS-RELAY', 'LINK_PAIR_V1_0', 'DELAYED_DELIVERY'],
    sasl: {
      mechanisms: saslMechanisms({ users, allowAnonymous, claimsBased: options.cbs.required }),
      identityWithout: allowAnonymous ? ANONYMOUS_IDENTITY : undefined,
    },
  };
}
