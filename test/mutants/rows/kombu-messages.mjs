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
    find: 'if (waitMs === 0) await this.#ask(signal);',
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

export const kombuMessagesRows = [...consuming];
