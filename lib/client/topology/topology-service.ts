// The topology of one connection: checks what is asked, waits for the peer, hands it to the driver of that kind of peer.

import type { QueueAccess, ReplyQueueAccess } from '../client-context.js';
import type { ConnectedPeer } from '../connection/connect-peer.js';
import { asError, deadline, raceSignal } from '../deadline.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import { checkBoolean, checkObject, checkText } from '../options/check.js';
import { InvalidOptionsError } from '../../protocol/index.js';
import { notFound } from './topology-errors.js';
import { ARTEMIS_NODE } from './artemis-management.js';
import { artemisTopology } from './artemis-topology.js';
import { autoCreateTopology } from './auto-create-topology.js';
import { checkBinding, checkTopology } from './check-topology.js';
import { isEmpty, KeptTopology } from './kept-topology.js';
import { managementTimeout } from './management-pair.js';
import { noTopology } from './no-topology.js';
import { orByAttaching } from './or-by-attaching.js';
import { QPID_NODE } from './qpid-management.js';
import { qpidTopology } from './qpid-topology.js';
import { rabbitmqTopology } from './rabbitmq-topology.js';
import type { BindingDeclaration, QueueInfo, Topology, TopologyClient } from './topology.js';
import type { TopologyDriver } from './topology-driver.js';

export interface TopologySurroundings {
  /** The open connection, waiting for it if need be. */
  connected(): Promise<ConnectedPeer>;
  readonly timeoutMs: number;
  warn(line: string): void;
}

export class TopologyService implements TopologyClient {
  /** What receive clients ask before they attach. */
  readonly queues: QueueAccess = {
    inspect: (queue, signal) => this.#run((driver, peer, bound) => driver.inspect(peer, queue, bound), signal),
    declare: (queue, signal) => this.#run((driver, peer, bound) => driver.ensureQueue(peer, queue, bound), signal),
  };

  /** What request clients ask before they attach. */
  readonly replyQueues: ReplyQueueAccess = {
    declareExclusive: (name, signal) => {
      const queue = { name, type: 'classic', durable: false, exclusive: true, autoDelete: true } as const;
      return this.#run((driver, peer, bound) => driver.declare(peer, { queues: [queue] }, bound), signal);
    },
  };

  readonly #kept = new KeptTopology();

  /** One request after the other: each has a session of its own, and a hundred at once would use up the connection's. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly surroundings: TopologySurroundings) {}

  async declare(wanted: Topology, options?: { readonly kept?: boolean | undefined }): Promise<void> {
    const topology = checkTopology(wanted, 'topology');
    const isKept = checkBoolean(checkObject(options, 'options', ['kept'])['kept'], 'options.kept', false);
    await this.#run((driver, peer, signal) => driver.declare(peer, topology, signal));
    if (isKept) this.#kept.keep(topology);
  }

  async check(wanted: Topology): Promise<void> {
    const topology = checkTopology(wanted, 'topology');
    await this.#run((driver, peer, signal) => driver.check(peer, topology, signal));
  }

  async inspect(queue: string): Promise<QueueInfo> {
    const name = required(queue, 'queue');
    const info = await this.#run((driver, peer, signal) => driver.inspect(peer, name, signal));
    if (info === undefined) throw notFound(`queue "${name}"`);
    return info;
  }

  async bind(wanted: BindingDeclaration): Promise<void> {
    const binding = checkBinding(wanted, 'binding');
    await this.#run((driver, peer, signal) => driver.bind(peer, binding, signal));
  }

  async unbind(wanted: BindingDeclaration): Promise<void> {
    const binding = checkBinding(wanted, 'binding');
    await this.#run((driver, peer, signal) => driver.unbind(peer, binding, signal));
    this.#kept.forgetBinding(binding);
  }

  async purge(queue: string): Promise<number> {
    const name = required(queue, 'queue');
    return this.#run((driver, peer, signal) => driver.purge(peer, name, signal));
  }

  async deleteQueue(
    queue: string,
    options?: { readonly ifEmpty?: boolean | undefined; readonly ifUnused?: boolean | undefined },
  ): Promise<number> {
    const name = required(queue, 'name');
    const given = checkObject(options, 'options', ['ifEmpty', 'ifUnused']);
    const conditions = {
      ifEmpty: checkBoolean(given['ifEmpty'], 'options.ifEmpty', false),
      ifUnused: checkBoolean(given['ifUnused'], 'options.ifUnused', false),
    };
    const deleted = await this.#run((driver, peer, signal) => driver.deleteQueue(peer, name, conditions, signal));
    this.#kept.forgetQueue(name);
    return deleted;
  }

  async deleteExchange(exchange: string, options?: { readonly ifUnused?: boolean | undefined }): Promise<void> {
    const name = required(exchange, 'name');
    const given = checkObject(options, 'options', ['ifUnused']);
    const ifUnused = checkBoolean(given['ifUnused'], 'options.ifUnused', false);
    await this.#run((driver, peer, signal) => driver.deleteExchange(peer, name, ifUnused, signal));
    this.#kept.forgetExchange(name);
  }

  /** After each connect, before any link: on this peer, whatever the connection's state. */
  async declareOn(peer: ConnectedPeer, topology: Topology, signal: AbortSignal): Promise<void> {
    if (!isEmpty(topology)) await this.#within(peer, (driver, bound) => driver.declare(peer, topology, bound), signal);
    for (const kept of this.#kept.all) {
      try {
        await this.#within(peer, (driver, bound) => driver.declare(peer, kept, bound), signal);
      } catch (error) {
        signal.throwIfAborted();
        // Whose links need it is refused, and tries again; the others work on.
        this.surroundings.warn(`what was declared before cannot be declared again: ${asError(error).message}`);
      }
    }
  }

  async #run<T>(
    work: (driver: TopologyDriver, peer: ConnectedPeer, signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const connected = this.surroundings.connected();
    const peer = await (signal === undefined ? connected : raceSignal(connected, signal));
    return this.#within(peer, (driver, bound) => work(driver, peer, bound), signal);
  }

  #within<T>(
    peer: ConnectedPeer,
    work: (driver: TopologyDriver, signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const run = (): Promise<T> => this.#now(peer, work, signal);
    const result = this.#last.then(run, run);
    // Whoever asked hears of a failure; the next one only waits for the end.
    this.#last = result.catch(() => undefined);
    // Who gives up while it waits for its turn is not kept until then.
    return signal === undefined ? result : raceSignal(result, signal);
  }

  async #now<T>(
    peer: ConnectedPeer,
    work: (driver: TopologyDriver, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    signal?.throwIfAborted();
    const { timeoutMs } = this.surroundings;
    const wait = deadline(timeoutMs, () => managementTimeout(peer.name, timeoutMs), signal);
    try {
      return await work(driverOf(peer.profile), wait.signal);
    } finally {
      wait.done();
    }
  }
}

// Artemis takes a link of any user who may send, and rejects what those ask who may not manage; most other failures are `failed` there too.
const artemis = orByAttaching(artemisTopology, ARTEMIS_NODE.address, ['failed']);
const qpid = orByAttaching(qpidTopology, QPID_NODE.address, ['amqp:not-allowed']);

function driverOf(profile: PeerProfile): TopologyDriver {
  switch (profile.topology) {
    case 'rabbitmq-management':
      return rabbitmqTopology;
    case 'artemis-management':
      return artemis;
    case 'qpid-management':
      return qpid;
    case 'auto-create':
      return autoCreateTopology;
    case 'none':
      return noTopology;
  }
}

function required(value: unknown, path: string): string {
  const text = checkText(value, path);
  if (text === undefined) throw new InvalidOptionsError(path, 'a string that is not empty', value);
  return text;
}
