// Faults in rows 117 to 142: messages, producing, consuming. As in ../connection.mjs, with a row in the place of a promise.

const CHANGES = 'test/unit/client/receive/subscription-changes.spec.ts';
const ASKING = 'test/unit/client/receive/asking.spec.ts';
const PULL = 'test/unit/client/receive/pull.spec.ts';

/** Rows 132 to 142: consuming. */
const consuming = [
  {
    promise: 'row-132',
    file: 'lib/client/receive/concurrency-limit.ts',
    find: 'if (this.#running >= this.maxConcurrency) {',
    replace: 'if (this.#running > this.maxConcurrency) {',
    test: [CHANGES, 'a ConcurrencyLimit bounds what several subscriptions run together'],
  },
  {
    promise: 'row-133',
    file: 'lib/client/receive/handed-out.ts',
    find: '    message.done();\n',
    replace: '',
    test: [PULL, "receiveBatch 'at-most-once' frees the place of a message when it is handed over"],
  },
  {
    promise: 'row-134',
    file: 'lib/client/policy/policy.ts',
    find: ' || isUnreadable) return',
    replace: ') return',
    test: [
      'test/unit/client/policy/policy.spec.ts',
      'redeliver goes on to `then` at once with a message that cannot be decoded',
    ],
  },
  {
    promise: 'row-135',
    file: 'lib/client/address/terminus.ts',
    find: "if (fields.priority !== undefined && profile.consumerPriority === undefined) return 'priorities of consumers';",
    replace: '',
    test: [
      'test/unit/client/addresses.spec.ts',
      'an address in the words of the peer fails by name for what the peer lacks',
    ],
  },
  {
    promise: 'row-136',
    file: 'lib/client/receive/handler-subscription.ts',
    find: 'await Promise.allSettled([drained, this.#runtime.idle(timeoutMs)]);',
    replace: 'await Promise.allSettled([drained]);',
    test: ['test/unit/client/receive/subscription.spec.ts', 'closing stops the credit, waits for handlers'],
  },
  {
    promise: 'row-137',
    file: 'lib/client/receive/handler-subscription.ts',
    find: "this.#become('starting', error);",
    replace: "this.#become('starting');",
    test: [CHANGES, 'onState is told of each change, with the reason of a loss'],
  },
  {
    promise: 'row-138',
    file: 'lib/client/receive/pull.ts',
    find: 'if (waitMs === 0) await this.#asking.ask(maxMessages, signal);',
    replace: 'if (waitMs === 0) await Promise.resolve();',
    test: [ASKING, 'get() gives the prefetch back its credit after it asked'],
  },
  {
    promise: 'row-139',
    file: 'lib/client/receive/handler-subscription.ts',
    find: 'if (isLess && this.#state.isActive) await this.#receiver.stopCredit();',
    replace: '',
    test: [CHANGES, 'adjust() takes the credit back before a smaller prefetch holds'],
  },
  {
    promise: 'row-140',
    file: 'lib/client/receive/pull.ts',
    find: 'for (const message of [...fetched, ...buffered]) this.#failures.giveBack(message);',
    replace: 'for (const message of buffered) this.#failures.giveBack(message);',
    test: [ASKING, 'recover() releases what was fetched and is not settled'],
  },
  {
    promise: 'row-141',
    file: 'lib/client/receive/handler-subscription.ts',
    find: 'if (this.#state.isActive) return this.ready();',
    replace: "if (this.#state.current !== 'failed') return this.ready();",
    test: ['test/unit/client/receive/subscription.spec.ts', 'pause and resume take the credit back'],
  },
  {
    promise: 'row-142',
    file: 'lib/client/receive/messages-of.ts',
    find: '        fetch(next.from);\n',
    replace: '',
    test: [ASKING, 'messagesOf gives the messages of all as they come'],
  },
];

const KOMBU = 'test/peer/client/kombu-messages.spec.ts';
const COMPRESSION = 'test/peer/client/compression.spec.ts';
const SEND = 'test/unit/client/send/send-client.spec.ts';
const MESSAGES = 'test/unit/client/message/messages.spec.ts';

/** Rows 117 to 131: messages and producing. */
const producing = [
  {
    promise: 'row-117',
    file: 'lib/client/profile/profiles.ts',
    find: "routingKey: typeof routingKey === 'string' ? routingKey : undefined,",
    replace: 'routingKey: undefined,',
    test: ['test/unit/client/message/delivery-info.spec.ts', 'the delivery info on rabbitmq-4'],
  },
  {
    promise: 'row-118',
    file: 'lib/client/message/decoded-message.ts',
    find: 'if (this.#compression === undefined) this.#decode();',
    replace:
      'if (this.#compression === undefined) {\n      this.#decode();\n      if (!this.body) { this.body = this.#raw; this.#decode(); }\n    }',
    test: [KOMBU, 'decoding 0 happens once'],
  },
  {
    promise: 'row-119',
    file: 'lib/client/codec/compression.ts',
    find: "['application/x-gzip', 'gzip'],",
    replace: '',
    test: [COMPRESSION, 'a body is read that is what kombu compressed'],
  },
  {
    promise: 'row-120',
    file: 'lib/client/message/incoming-message.ts',
    find: 'if (message === this) break;',
    replace: '',
    test: [KOMBU, 'settling with multiple settles what was fetched before it'],
  },
  {
    promise: 'row-121',
    file: 'lib/client/message/incoming-message.ts',
    find: 'const { deliveryFailed = false, undeliverableHere = false, messageAnnotations } = change;',
    replace: 'const { undeliverableHere = false, messageAnnotations } = change;\n    const deliveryFailed = false;',
    test: [KOMBU, 'giving back is counted or not'],
  },
  {
    promise: 'row-122',
    file: 'lib/client/message/settle-or-log.ts',
    find: "return 'failed';",
    replace: 'throw error;',
    test: [KOMBU, 'settleOrLog logs a settlement that fails'],
  },
  {
    promise: 'row-123',
    file: 'lib/client/send/complete-send.ts',
    find: 'to: wireAddress(message.properties.to, profile)',
    replace: 'to: message.properties.to',
    test: [SEND, 'a message on the wire says on the anonymous target'],
  },
  {
    promise: 'row-124',
    file: 'lib/client/profile/profiles.ts',
    find: ': `/exchanges/${part(exchange)}/${part(routingKey)}`',
    replace: ': `/exchanges/${part(exchange)}/${routingKey}`',
    test: ['test/unit/client/addresses.spec.ts', 'an address in the words of the peer rabbitmq-4'],
  },
  {
    promise: 'row-125',
    file: 'lib/client/codec/codec-registry.ts',
    find: 'if (own !== undefined) return own.decode(body, message);',
    replace: '',
    test: [KOMBU, 'a serializer of the user'],
  },
  {
    promise: 'row-126',
    file: 'lib/client/codec/compression.ts',
    find: '{ maxOutputLength: Math.min(maxBytes, MOST_BYTES) }',
    replace: '{}',
    test: [COMPRESSION, 'a body that is a bomb'],
  },
  {
    promise: 'row-127',
    file: 'lib/client/message/outgoing-message.ts',
    find: 'function header({ durable = true,',
    replace: 'function header({ durable = false,',
    test: [MESSAGES, 'a message made by createMessage keeps its sections'],
  },
  {
    promise: 'row-128',
    file: 'lib/client/message/outgoing-message.ts',
    find: 'ttl: ttlMs,',
    replace: 'ttl: undefined,',
    test: [MESSAGES, 'a message of a value has each option'],
  },
  {
    promise: 'row-129',
    file: 'lib/client/send/sender.ts',
    find: 'this.#finish(pending, failures.timeout(pending, waitedFor, written, this.#link.lastError));',
    replace: 'this.#finish(pending, failures.timeout(pending, waitedFor, false, this.#link.lastError));',
    test: [SEND, 'the time-out of a send'],
  },
  {
    promise: 'row-130',
    file: 'lib/client/send/sender.ts',
    find: '!(pending.mandatory ?? this.#link.mandatory)',
    replace: '!this.#link.mandatory',
    test: [SEND, 'the outcome of a send released is success, but not routed'],
  },
  {
    promise: 'row-131',
    file: 'lib/client/request/request-client.ts',
    find: 'options.correlationId = asked.correlationId ?? options.messageId;',
    replace: "options.correlationId = asked.correlationId ?? 'the same';",
    test: ['test/peer/client/request.spec.ts', 'a request gets its own reply'],
  },
];

export const kombuMessagesRows = [...producing, ...consuming];
