// Faults in rows 22 to 24, 50 to 58, 77 to 79, 89 to 92 and 95: receiving, management, types. As in ../connection.mjs, with a row in the place of a promise.

const SUBSCRIPTION = 'test/unit/client/receive/subscription.spec.ts';
const CHANGES = 'test/unit/client/receive/subscription-changes.spec.ts';
const ASKING = 'test/unit/client/receive/asking.spec.ts';
const PULL = 'test/unit/client/receive/pull.spec.ts';
const WIRE = 'test/peer/client/messaging-wire.spec.ts';
const MANAGEMENT = 'test/peer/client/management.spec.ts';
const ENCODE = 'test/unit/protocol/types/encode.spec.ts';

export const uamqpReceivingRows = [
  {
    promise: 'row-22',
    file: 'lib/client/receive/receiver.ts',
    find: 'if (this.#prefetch > 0) link.setPrefetch(this.#prefetch);',
    replace: 'link.setPrefetch(this.#prefetch || 10);',
    test: [SUBSCRIPTION, 'pause and resume give no credit to a link that was attached before the handler'],
  },
  {
    promise: 'row-23',
    file: 'lib/protocol/session/receiving-credit.ts',
    find: 'const wanted = this.prefetch - this.inHand;',
    replace: 'const wanted = this.prefetch;',
    test: ['test/peer/protocol/receiver.spec.ts', 'credit and what is in hand are never more than the prefetch'],
  },
  {
    promise: 'row-24',
    file: 'lib/client/receive/drained.ts',
    find: 'await link.drain({ signal: wait.signal });',
    replace: 'void link.drain({ signal: wait.signal }).catch(() => undefined);',
    test: [ASKING, 'drain() takes the credit back; what has come is what the next call gives'],
  },
  {
    promise: 'row-50',
    file: 'lib/client/receive/asking.ts',
    find: 'if (missing > 0) this.receiver.addCredit(missing);',
    replace: 'if (missing > 0) this.receiver.addCredit(100);',
    test: [ASKING, 'with prefetch 0 nothing is asked for ahead'],
  },
  {
    promise: 'row-51',
    file: 'lib/client/receive/waiting.ts',
    find: 'const quietIn = length === 0 ? Infinity : lastAt + QUIET_MS - now;',
    replace: 'const quietIn = now < lastAt + QUIET_MS ? QUIET_MS : Infinity;',
    test: [PULL, 'receiveBatch gives what was left of the batch before at once'],
  },
  {
    promise: 'row-52',
    file: 'lib/client/receive/handed-out.ts',
    find: '    message.done();',
    replace: "    message.done();\n    if (this.autoAccept) message.settle({ kind: 'accepted' });",
    test: [PULL, 'receiveBatch with autoAccept accepts what is unsettled on the next pull'],
  },
  {
    promise: 'row-53',
    file: 'lib/client/receive/handler-subscription.ts',
    find: "if (this.#state.current !== 'failed' && this.#closing !== undefined) return this.#closing;",
    replace: 'if (this.#closing === undefined) return Promise.resolve();',
    test: [CHANGES, 'ended() waits until it is really closed'],
  },
  {
    promise: 'row-54',
    file: 'lib/client/receive/failures.ts',
    find: 'return this.#hold(message, FAILED_DELIVERY, delayMs);',
    replace: 'return this.#hold(message, { ...FAILED_DELIVERY, undeliverableHere: true } as Outcome, delayMs);',
    test: [SUBSCRIPTION, 'poison messages end by the default policy on a queue that counts'],
  },
  {
    promise: 'row-55',
    file: 'lib/client/receive/message-iterator.ts',
    find: 'await this.pull.stop(this, RELEASED);',
    replace: "await this.pull.stop(this, { kind: 'accepted' });",
    test: [ASKING, 'an iteration never accepts the message whose handling threw'],
  },
  {
    promise: 'row-56',
    file: 'lib/client/receive/idle-watch.ts',
    find: 'Math.max(this.#lastAt, this.workedAt())',
    replace: 'this.#lastAt',
    test: [CHANGES, 'idleTimeoutMs closes the subscription when none came for so long'],
  },
  {
    promise: 'row-57',
    file: 'lib/client/receive/receiver.ts',
    find: "this.options.settlement === 'at-most-once' ? 'settled' : 'unsettled'",
    replace: "'unsettled'",
    test: [WIRE, 'a subscription gives no credit before its handler is there'],
  },
  {
    promise: 'row-58',
    file: 'lib/client/policy/policy.ts',
    find: "return (error instanceof DecodeError ? error.condition : undefined) ?? 'amqp:internal-error';",
    replace: "return error instanceof DecodeError ? 'amqp:internal-error' : 'amqp:internal-error';",
    test: ['test/unit/client/policy/policy.spec.ts', 'rejects a message that cannot be decoded as that'],
  },
  {
    promise: 'row-77',
    file: 'lib/client/management/management-client.ts',
    find: '    this.#context.deadlines.add(pending);\n    this.#link.want();',
    replace: '    this.#link.want();\n    if (this.#link.send(pending)) this.#context.deadlines.add(pending);',
    test: [MANAGEMENT, 'a node that behaves otherwise does not even answer the attach'],
  },
  {
    promise: 'row-78',
    file: 'lib/client/management/management-response.ts',
    find: "const number = typeof value === 'bigint' ? Number(value) : value;",
    replace: "const number = typeof value === 'bigint' || value === 202 ? undefined : value;",
    test: [MANAGEMENT, 'a node that behaves otherwise writes its status as'],
  },
  {
    promise: 'row-79',
    file: 'lib/client/management/management-client.ts',
    find: 'findById(this.#pending, message.properties?.correlationId);',
    replace: 'findById(this.#pending, message.properties?.correlationId) ?? [...this.#pending.values()][0];',
    test: [MANAGEMENT, 'a node that behaves otherwise answers what nobody asked'],
  },
  {
    promise: 'row-89',
    file: 'lib/client/address/terminus.ts',
    find: 'Math.ceil(expiryTimeoutMs / 1000)',
    replace: 'expiryTimeoutMs',
    test: ['test/unit/client/addresses.spec.ts', 'an address in the words of the peer says what is shared'],
  },
  {
    promise: 'row-90',
    file: 'lib/client/receive/source-attach.ts',
    find: 'if (!profile.confirmsFilters) {',
    replace: 'if (profile.confirmsFilters) {',
    test: ['test/unit/client/receive/sources.spec.ts', 'filters of which the peer leaves out'],
  },
  {
    promise: 'row-91',
    file: 'lib/protocol/types/scalar-checks.ts',
    find: 'if (number < least || number > most) throw',
    replace: 'if (number < least || number > 2 * most) throw',
    test: [ENCODE, 'encoding a value refuses a ubyte of 256'],
  },
  {
    promise: 'row-92',
    file: 'lib/protocol/types/scalar-checks.ts',
    find: "return value > 0x7fff_ffff_ffff_ffffn ? 'ulong' : 'long';",
    replace: "return value > 0x7fff_ffff_ffff_ffffn ? 'long' : 'long';",
    test: [ENCODE, 'encoding a value writes a bigint that no long holds'],
  },
  {
    promise: 'row-95',
    file: 'lib/client/receive/pull.ts',
    find: 'this.#handedOut.settleLast(loop, ACCEPTED);',
    replace: 'this.#handedOut.settleLast(this, ACCEPTED);',
    test: [PULL, 'iteration with autoAccept accepts only what the same loop was given'],
  },
];
