// Topology on peers that make a queue when somebody attaches to it: ActiveMQ, Artemis, and Qpid where it is set up so. What needs
// their own management is refused, with a word on where it is done.

import { randomUUID } from 'node:crypto';
import { AmqpError, type ProtocolSession } from '../../protocol/index.js';
import type { ConnectedPeer } from '../connection/connect-peer.js';
import { TopologyError } from '../errors.js';
import type { QueueDeclaration, Topology } from './topology.js';
import type { TopologyDriver } from './topology-driver.js';
import { unsupported } from './topology-errors.js';
import { END_TIMEOUT_MS, withSession } from './with-session.js';

const PURGE_CREDIT = 1_000;
/** What an attach alone can do, and what says no more than that. */
const PLAIN: ReadonlySet<string> = new Set(['name', 'durable', 'type']);

export const autoCreateTopology: TopologyDriver = {
  declare: async (peer, topology, signal) => {
    refuseExchanges(peer, topology);
    const queues = (topology.queues ?? []).map((queue) => plainQueue(peer, queue));
    for (const queue of queues) await touch(peer, queue, signal);
  },
  check: (peer) =>
    Promise.reject(
      unsupported(peer, 'topology.check', 'it makes a queue when one attaches to it; look in its console'),
    ),
  bind: (peer) => Promise.reject(noExchanges(peer)),
  unbind: (peer) => Promise.reject(noExchanges(peer)),
  purge: (peer, queue, signal) => withSession(peer, signal, (session) => drainAway(session, peer, queue, signal)),
  deleteQueue: (peer, queue) =>
    Promise.reject(
      unsupported(peer, `deletion of queue "${queue}"`, 'delete it in its console, or let it expire unused'),
    ),
  deleteExchange: (peer) => Promise.reject(noExchanges(peer)),
  inspect: (peer, queue) => Promise.reject(unsupported(peer, `inspection of queue "${queue}"`, 'look in its console')),
  ensureQueue: (peer, queue, signal) => touch(peer, queue, signal),
};

function plainQueue(peer: ConnectedPeer, queue: string | QueueDeclaration): string {
  if (typeof queue === 'string') return queue;
  const special = Object.entries(queue).find(
    ([name, value]) => !PLAIN.has(name) && value !== undefined && value !== false,
  );
  if (special !== undefined)
    throw unsupported(peer, `${special[0]} of queue "${queue.name}"`, "set it in the broker's own configuration");
  if (queue.durable === false || (queue.type !== undefined && queue.type !== 'classic'))
    throw unsupported(peer, `a queue "${queue.name}" that is not plain and durable`, 'it has one kind of queue');
  return queue.name;
}

function refuseExchanges(peer: ConnectedPeer, { exchanges = [], bindings = [] }: Topology): void {
  if (exchanges.length > 0 || bindings.length > 0) throw noExchanges(peer);
}

function noExchanges(peer: ConnectedPeer): TopologyError {
  return unsupported(
    peer,
    'exchanges and bindings',
    'use a topic, or virtual and composite destinations of its configuration',
  );
}

/** An attach makes the queue, or finds it. */
async function touch(peer: ConnectedPeer, queue: string, signal: AbortSignal): Promise<void> {
  try {
    await withSession(peer, signal, (session) => attachOnce(session, peer, queue, signal));
  } catch (error) {
    if (!(error instanceof AmqpError) || error.condition !== 'amqp:not-found') throw error;
    const what = `queue "${queue}" is not there, and ${peer.product ?? 'this peer'} does not make one at an attach`;
    const message = `${what}; make it with its own tools, or let it create queues`;
    throw AmqpError.inOwnWords(new TopologyError('not-found', message, { condition: error.condition, cause: error }));
  }
}

async function attachOnce(
  session: ProtocolSession,
  { profile }: ConnectedPeer,
  queue: string,
  signal: AbortSignal,
): Promise<void> {
  const link = await session.attachSender({
    name: `declare-${randomUUID()}`,
    source: {},
    target: { address: profile.queueAddress(queue), capabilities: profile.queueCapabilities },
    settleMode: 'unsettled',
    signal,
    onClosed: () => undefined,
    onSendable: () => undefined,
  });
  await link.detach({ closed: true, timeoutMs: END_TIMEOUT_MS });
}

/** Takes everything pre-settled until a drain brings nothing more. */
async function drainAway(
  session: ProtocolSession,
  { profile }: ConnectedPeer,
  queue: string,
  signal: AbortSignal,
): Promise<number> {
  let taken = 0;
  const link = await session.attachReceiver({
    name: `purge-${randomUUID()}`,
    source: { address: profile.queueAddress(queue), capabilities: profile.queueCapabilities },
    target: {},
    settleMode: 'settled',
    maxMessageBytes: Number.MAX_SAFE_INTEGER,
    signal,
    onClosed: () => undefined,
    onDelivery: (delivery) => {
      taken += 1;
      if (!delivery.presettled) delivery.settle({ kind: 'accepted' });
      delivery.done();
    },
  });
  let before: number;
  do {
    before = taken;
    link.addCredit(PURGE_CREDIT);
    await link.drain({ signal });
  } while (taken > before);
  await link.detach({ closed: true, timeoutMs: END_TIMEOUT_MS });
  return taken;
}
