// Topology through RabbitMQ 4's `/management`, which the embedded broker speaks too.

import type { QueueFacts } from '../client-context.js';
import type { ConnectedPeer } from '../connection/connect-peer.js';
import { ManagementError, TopologyError } from '../errors.js';
import { exchangeExists } from './exchange-exists.js';
import { ManagementPair, type ManagementReply } from './management-pair.js';
import { bindingBody, exchangeBody, plainBody, queueBody } from './rabbitmq-arguments.js';
import { definitionDiffers, sameArguments } from './rabbitmq-definition.js';
import type { BindingDeclaration, ExchangeDeclaration, QueueDeclaration } from './topology.js';
import type { TopologyDriver } from './topology-driver.js';

const END_TIMEOUT_MS = 1_000;
const part = encodeURIComponent;

type Ask = (method: string, path: string, body?: unknown) => Promise<ManagementReply>;

export const rabbitmqTopology: TopologyDriver = {
  declare: (peer, topology, signal) =>
    withPair(peer, signal, async (ask) => {
      for (const exchange of topology.exchanges ?? []) await declareExchange(ask, peer, exchange, signal);
      for (const queue of topology.queues ?? []) {
        if (typeof queue === 'string') await ensureQueue(ask, queue);
        else await declareQueue(ask, queue);
      }
      for (const binding of topology.bindings ?? []) await bind(ask, binding);
    }),

  check: (peer, topology, signal) =>
    withPair(peer, signal, async (ask) => {
      for (const exchange of topology.exchanges ?? []) await checkExchange(peer, exchange.name, signal);
      for (const queue of topology.queues ?? [])
        await checkQueue(ask, typeof queue === 'string' ? { name: queue } : queue);
      for (const binding of topology.bindings ?? []) await checkBinding(ask, binding);
    }),

  bind: (peer, binding, signal) => withPair(peer, signal, (ask) => bind(ask, binding)),
  unbind: (peer, binding, signal) => withPair(peer, signal, (ask) => unbind(ask, binding)),

  purge: (peer, queue, signal) =>
    withPair(peer, signal, async (ask) => {
      const reply = await ask('DELETE', `/queues/${part(queue)}/messages`);
      // RabbitMQ says 400 for a queue that is not there.
      if (reply.status === 404 || reply.status === 400) throw notFound(`queue "${queue}"`, reply);
      expectSuccess(reply, `purge of queue "${queue}"`);
      return messageCount(reply);
    }),

  deleteQueue: (peer, queue, { ifEmpty, ifUnused }, signal) =>
    withPair(peer, signal, async (ask) => {
      if (ifEmpty || ifUnused) {
        // The peer has no such conditions: a message or consumer that comes in between is not seen.
        const { status, body } = await ask('GET', `/queues/${part(queue)}`);
        if (status === 200 && ifEmpty && count(body, 'message_count') > 0) throw inUse(queue, 'it is not empty');
        if (status === 200 && ifUnused && count(body, 'consumer_count') > 0) throw inUse(queue, 'it has consumers');
      }
      const reply = await ask('DELETE', `/queues/${part(queue)}`);
      if (reply.status === 404) return 0;
      expectSuccess(reply, `deletion of queue "${queue}"`);
      return messageCount(reply);
    }),

  deleteExchange: async (peer, exchange, ifUnused, signal) => {
    if (ifUnused)
      throw new TopologyError(
        'unsupported',
        `exchange "${exchange}": this peer cannot delete an exchange only if it is unused`,
      );
    await withPair(peer, signal, async (ask) => {
      const reply = await ask('DELETE', `/exchanges/${part(exchange)}`);
      if (reply.status !== 404) expectSuccess(reply, `deletion of exchange "${exchange}"`);
    });
  },

  inspect: (peer, queue, signal) => withPair(peer, signal, (ask) => inspect(ask, queue)),
  ensureQueue: (peer, queue, signal) => withPair(peer, signal, (ask) => ensureQueue(ask, queue)),
};

/** A pair per piece of work, on a session of its own: whatever the peer thinks of it, nobody else is hurt. */
async function withPair<T>(peer: ConnectedPeer, signal: AbortSignal, work: (ask: Ask) => Promise<T>): Promise<T> {
  const session = await peer.protocol.beginSession({ signal });
  try {
    const pair = await ManagementPair.attach(session, signal);
    return await work((method, path, body) => pair.request(method, path, body, signal));
  } finally {
    await session.end({ timeoutMs: END_TIMEOUT_MS });
  }
}

async function declareExchange(
  ask: Ask,
  peer: ConnectedPeer,
  exchange: ExchangeDeclaration,
  signal: AbortSignal,
): Promise<void> {
  if (exchange.passive === true) return checkExchange(peer, exchange.name, signal);
  const body = exchangeBody(exchange);
  const reply = await ask('PUT', `/exchanges/${part(exchange.name)}`, body);
  // There is no way to ask for an exchange's definition.
  if (reply.status === 409) throw conflict(`exchange "${exchange.name}"`, body, undefined, reply);
  expectSuccess(reply, `declaration of exchange "${exchange.name}"`);
}

async function checkExchange(peer: ConnectedPeer, name: string, signal: AbortSignal): Promise<void> {
  if (!(await exchangeExists(peer, name, signal))) throw notFound(`exchange "${name}"`);
}

async function declareQueue(ask: Ask, queue: QueueDeclaration): Promise<void> {
  if (queue.passive === true) return checkQueue(ask, { name: queue.name });
  const body = queueBody(queue);
  const path = `/queues/${part(queue.name)}`;
  const reply = await ask('PUT', path, body);
  if (reply.status === 409) {
    const existing = await ask('GET', path);
    throw conflict(`queue "${queue.name}"`, body, existing.status === 200 ? existing.body : undefined, reply);
  }
  expectSuccess(reply, `declaration of queue "${queue.name}"`);
}

/** A name alone is content with whatever stands under it. */
async function ensureQueue(ask: Ask, name: string): Promise<void> {
  const existing = await ask('GET', `/queues/${part(name)}`);
  if (existing.status === 404) return declareQueue(ask, { name });
  expectSuccess(existing, `look for queue "${name}"`);
}

async function checkQueue(ask: Ask, queue: QueueDeclaration): Promise<void> {
  const { status, body } = await existingQueue(ask, queue.name);
  if (status === 404) throw notFound(`queue "${queue.name}"`);
  const difference = definitionDiffers(queue, body);
  if (difference !== undefined)
    throw new TopologyError('conflict', `queue "${queue.name}" stands with another definition: ${difference}`, {
      declared: queue,
      existing: body,
    });
}

async function existingQueue(ask: Ask, name: string): Promise<ManagementReply> {
  const reply = await ask('GET', `/queues/${part(name)}`);
  if (reply.status !== 404) expectSuccess(reply, `look for queue "${name}"`);
  return reply;
}

async function inspect(ask: Ask, name: string): Promise<QueueFacts | undefined> {
  const { status, body } = await existingQueue(ask, name);
  if (status === 404) return undefined;
  const type = field(body, 'type');
  return {
    type: type === 'classic' || type === 'quorum' || type === 'stream' ? type : undefined,
    // A dead-letter exchange that a policy sets does not show here.
    deadLetters: field(field(body, 'arguments'), 'x-dead-letter-exchange') !== undefined,
  };
}

async function bind(ask: Ask, binding: BindingDeclaration): Promise<void> {
  const reply = await ask('POST', '/bindings', bindingBody(binding));
  if (reply.status === 404 || reply.status === 400) throw notFound(describe(binding), reply);
  expectSuccess(reply, describe(binding));
}

async function unbind(ask: Ask, binding: BindingDeclaration): Promise<void> {
  const locations = await matching(ask, binding);
  for (const location of locations) expectSuccess(await ask('DELETE', location), `deletion of ${describe(binding)}`);
}

async function checkBinding(ask: Ask, binding: BindingDeclaration): Promise<void> {
  if ((await matching(ask, binding)).length === 0) throw notFound(describe(binding));
}

/** The bindings with these ends, this key and these arguments: their paths. */
async function matching(ask: Ask, binding: BindingDeclaration): Promise<readonly string[]> {
  const { exchange, queue, destinationExchange, routingKey = '' } = binding;
  const destination = queue === undefined ? `dste=${part(destinationExchange ?? '')}` : `dstq=${part(queue)}`;
  const path = `/bindings?src=${part(exchange)}&${destination}&key=${part(routingKey)}`;
  const reply = await ask('GET', path);
  if (reply.status === 404) return [];
  expectSuccess(reply, `look for ${describe(binding)}`);
  const found: readonly unknown[] = Array.isArray(reply.body) ? reply.body : [];
  return found
    .filter((entry) => sameArguments(field(entry, 'arguments'), binding.arguments))
    .map((entry) => field(entry, 'location'))
    .filter((location) => typeof location === 'string');
}

function describe({ exchange, queue, destinationExchange, routingKey = '' }: BindingDeclaration): string {
  const end = queue === undefined ? `exchange "${destinationExchange ?? ''}"` : `queue "${queue}"`;
  return `binding from exchange "${exchange}" to ${end} with key "${routingKey}"`;
}

function expectSuccess({ status, body }: ManagementReply, what: string): void {
  if (status >= 200 && status < 300) return;
  const description = typeof body === 'string' ? body : undefined;
  const said = description === undefined ? '' : `: ${description}`;
  throw new ManagementError(`${what} was answered with ${status}${said}`, status, description, body);
}

function conflict(what: string, declared: unknown, existing: unknown, { body }: ManagementReply): TopologyError {
  const said = typeof body === 'string' ? `: ${body}` : '';
  const message = `${what} stands with another definition${said}`;
  return new TopologyError('conflict', message, { declared: plainBody(declared), existing });
}

function notFound(what: string, reply?: ManagementReply): TopologyError {
  const said = typeof reply?.body === 'string' ? `: ${reply.body}` : '';
  return new TopologyError('not-found', `${what} is not there${said}`);
}

function inUse(queue: string, why: string): TopologyError {
  return new TopologyError('in-use', `queue "${queue}" was not deleted: ${why}`);
}

function messageCount({ body }: ManagementReply): number {
  return count(body, 'message_count');
}

function count(body: unknown, name: string): number {
  const value = field(body, name);
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0;
}

function field(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name) ? Reflect.get(body, name) : undefined;
}
