// Faults in rows 143 to 160: topology, transactions, and what is beyond both. As in ../connection.mjs, with a row in the place of a promise.

const TOPOLOGY = 'test/peer/client/topology.spec.ts';
const EMBEDDED = 'test/peer/client/embedded.spec.ts';
const EXCHANGES = 'test/unit/broker/exchange.spec.ts';
const ADDRESSES = 'test/unit/client/addresses.spec.ts';

export const kombuTopologyRows = [
  {
    promise: 'row-143',
    file: 'lib/client/topology/rabbitmq-arguments.ts',
    find: 'const { type, durable = true, autoDelete = false, internal = false } = exchange;',
    replace: 'const { type, durable = false, autoDelete = true, internal = false } = exchange;',
    test: [TOPOLOGY, 'exchanges are durable and stay unless they say otherwise'],
  },
  {
    promise: 'row-144',
    file: 'lib/broker/exchange/topic-match.ts',
    find: "part === '#' ? reachable[index] === true || next[index - 1] === true : fits",
    replace: "part === '#' ? reachable[index - 1] === true || next[index - 1] === true : fits",
    test: [EXCHANGES, 'topic patterns "#" with key ""'],
  },
  {
    promise: 'row-145',
    file: 'lib/broker/exchange/headers-match.ts',
    find: "(withX || !name.startsWith('x-'))",
    replace: 'true',
    test: [TOPOLOGY, 'exchanges route by exact key'],
  },
  {
    promise: 'row-146',
    file: 'lib/client/topology/rabbitmq-topology.ts',
    find: "`dste=${part(destinationExchange ?? '')}`",
    replace: "`dstq=${part(destinationExchange ?? '')}`",
    test: [TOPOLOGY, 'exchanges feed each other until they are unbound'],
  },
  {
    promise: 'row-147',
    file: 'lib/client/topology/rabbitmq-topology.ts',
    find: '    if (ifUnused)\n      throw unsupported(',
    replace: '    if (ifUnused && exchange === "")\n      throw unsupported(',
    test: [TOPOLOGY, 'exchanges are deleted also when they are gone'],
  },
  {
    promise: 'row-148',
    file: 'lib/client/topology/rabbitmq-topology.ts',
    find: "messageCount: count(body, 'message_count'),",
    replace: 'messageCount: 0,',
    test: [EMBEDDED, "the topology of a peer with RabbitMQ's management tells what a queue is and holds"],
  },
  {
    promise: 'row-149',
    file: 'lib/client/topology/check-topology.ts',
    find: "  const at = (name: string): string => joinPath(path, name);\n  required(fields['name'], at('name'));\n  const type = checkOneOf(fields['type'], at('type'), ['classic', 'quorum', 'stream'], undefined);",
    replace:
      "  const at = (name: string): string => joinPath(path, name);\n  const type = checkOneOf(fields['type'], at('type'), ['classic', 'quorum', 'stream'], undefined);",
    test: [TOPOLOGY, 'queues have a name of their own, chosen here'],
  },
  {
    promise: 'row-150',
    file: 'lib/client/topology/rabbitmq-arguments.ts',
    find: 'return { durable, exclusive, auto_delete: autoDelete, arguments: withoutUndefined(given) };',
    replace: 'return { durable, exclusive: false, auto_delete: autoDelete, arguments: withoutUndefined(given) };',
    test: [TOPOLOGY, 'queues that are exclusive are closed to other connections'],
  },
  {
    promise: 'row-151',
    file: 'lib/client/topology/rabbitmq-arguments.ts',
    find: "'x-expires': long(queue.expiresMs),",
    replace: "'x-expires': long(queue.expiresMs === undefined ? undefined : queue.expiresMs / 1_000),",
    test: [TOPOLOGY, 'queues take their arguments in milliseconds and bytes'],
  },
  {
    promise: 'row-152',
    file: 'lib/client/topology/rabbitmq-topology.ts',
    find: '  if (queue.passive === true) return checkQueue(ask, { name: queue.name });\n',
    replace: '',
    test: [EMBEDDED, "the topology of a peer with RabbitMQ's management refuses what is missing"],
  },
  {
    promise: 'row-153',
    file: 'lib/client/topology/rabbitmq-topology.ts',
    find: "    .filter((entry) => sameArguments(field(entry, 'arguments'), binding.arguments))\n",
    replace: '',
    test: [TOPOLOGY, 'bindings with the same key are told apart'],
  },
  {
    promise: 'row-154',
    file: 'lib/client/topology/rabbitmq-topology.ts',
    find: '      expectSuccess(reply, `purge of queue "${queue}"`);\n      return count(reply.body, \'message_count\');',
    replace: '      expectSuccess(reply, `purge of queue "${queue}"`);\n      return 0;',
    test: [TOPOLOGY, 'queues lose what nobody holds when they are purged'],
  },
  {
    promise: 'row-155',
    file: 'lib/client/topology/rabbitmq-topology.ts',
    find: "status === 200 && ifUnused && count(body, 'consumer_count') > 0",
    replace: "status === 200 && ifUnused && count(body, 'consumer_count') > 1",
    test: [EMBEDDED, "the topology of a peer with RabbitMQ's management does not delete a queue with consumers"],
  },
  {
    promise: 'row-156',
    file: 'lib/client/topology/kept-topology.ts',
    find: 'this.#kept.set(inWords(topology), topology);',
    replace: 'if (this.#kept.size === 0) this.#kept.set("", topology);',
    test: [TOPOLOGY, 'what is kept is declared again when the connection comes back, by its full definition'],
  },
  {
    promise: 'row-157',
    file: 'lib/broker/exchange/exchange.ts',
    find: "      case 'fanout':\n        return true;",
    replace: "      case 'fanout':\n        return binding.routingKey === routingKey;",
    test: [TOPOLOGY, "kombu's helpers, composed broadcast"],
  },
  {
    promise: 'row-158',
    file: 'lib/client/transaction/transactions.ts',
    find: 'await link.discharge(transaction.id, true, { signal: wait.signal });',
    replace: 'await link.discharge(transaction.id, false, { signal: wait.signal });',
    test: ['test/peer/client/transactions.spec.ts', 'a transaction shows nothing of it when its work throws'],
  },
  {
    promise: 'row-159',
    file: 'lib/client/send/complete-send.ts',
    find: "  if (profile.delay === undefined)\n    return failures.notSupported(pending, `cannot delay messages (profile '${profile.name}')`);",
    replace: '  if (profile.delay === undefined) return undefined;',
    test: [TOPOLOGY, 'a delay where the peer has none is refused by name'],
  },
  {
    promise: 'row-160',
    file: 'lib/client/address/terminus.ts',
    find: "if (fields.distributionMode === 'copy' && !profile.browse)",
    replace: "if (fields.distributionMode === 'copy' && profile.browse)",
    test: [ADDRESSES, 'an address in the words of the peer fails by name for what the peer lacks'],
  },
];
