// Faults in rows 1 to 18 and 80 to 88, 93, 94: the connection and authentication. As in ../connection.mjs, with a row in the place of a promise.

const CO = 'test/unit/client/options/connection-options.spec.ts';
const PU = 'test/unit/client/options/peer-uri.spec.ts';
const ONE = 'test/peer/client/one-connection.spec.ts';
const CN = 'test/peer/client/connection.spec.ts';
const LK = 'test/peer/client/links.spec.ts';
const OP = 'test/peer/protocol/open.spec.ts';
const KA = 'test/unit/protocol/socket/keep-alive.spec.ts';
const OF = 'test/peer/client/open-fields.spec.ts';
const FL = 'test/unit/protocol/trace/frame-line.spec.ts';
const PX = 'test/peer/protocol/proxy.spec.ts';
const DI = 'test/peer/protocol/dial.spec.ts';
const K = 'test/unit/client/constants.spec.ts';

export const uamqpConnectionRows = [
  {
    promise: 'row-1',
    file: 'lib/client/options/check.ts',
    find: "known are ${[...names].toSorted().join(', ')}",
    replace: 'known are others',
    test: [CO, 'an option that cannot work an unknown name'],
  },
  {
    promise: 'row-2',
    file: 'lib/client/constants.ts',
    find: 'amqps: 5671',
    replace: 'amqps: 5672',
    test: [PU, 'a URI amqps://h'],
  },
  {
    promise: 'row-3',
    file: 'lib/client/options/resolve-peers.ts',
    find: "checkText(options['containerId'], at('containerId')) ?? `nestjs-amqp10-${randomUUID()}`",
    replace: '`nestjs-amqp10-${randomUUID()}`',
    test: [ONE, 'clients on a connection that is open already do not take its container id'],
  },
  {
    promise: 'row-4',
    file: 'lib/client/connection/connection-life.ts',
    find: "if (this.#state.name === 'open') return Promise.resolve();",
    replace: "if (this.#state.name === 'open') return new Promise(() => undefined);",
    test: [CN, 'a connection that is open opens only once'],
  },
  {
    promise: 'row-5',
    file: 'lib/client/amqp-connection.ts',
    find: 'async [Symbol.asyncDispose](): Promise<void> {\n    await this.close();',
    replace: 'async [Symbol.asyncDispose](): Promise<void> {',
    test: [ONE, 'clients on a connection that is open already close with it'],
  },
  {
    promise: 'row-6',
    file: 'lib/client/connection/connection-core.ts',
    find: 'this.open().catch(() => undefined);',
    replace: '',
    test: [LK, 'the first attach of a link opens the connection'],
  },
  {
    promise: 'row-7',
    file: 'lib/protocol/socket/keep-alive.ts',
    find: 'if (writer.bytesWritten === this.bytesAtLastBeat) writer.append(EMPTY_FRAME);',
    replace: '',
    test: [OP, 'keep-alive a peer that asks for'],
  },
  {
    promise: 'row-8',
    file: 'lib/protocol/socket/keep-alive.ts',
    find: 'peerIdleMs * ratio',
    replace: 'peerIdleMs * 0.5',
    test: [KA, 'keep-alive a wish of undefined and a peer that asks for 30000, at a ratio of 0.25'],
  },
  {
    promise: 'row-9',
    file: 'lib/protocol/session/session.ts',
    find: 'Math.min(frame.handleMax ?? 0xffff_ffff, this.plane.options.handleMax)',
    replace: 'frame.handleMax ?? 0xffff_ffff',
    test: [OF, 'what BEGIN says holds for our own links too'],
  },
  {
    promise: 'row-10',
    file: 'lib/protocol/trace/frame-line.ts',
    find: 'list(properties === undefined ? undefined : Object.keys(properties))',
    replace: 'text(JSON.stringify(properties))',
    test: [FL, 'the line of a frame of'],
  },
  {
    promise: 'row-11',
    file: 'lib/protocol/socket/proxy-tunnel.ts',
    find: 'if (user !== undefined) lines.push(`Proxy-Authorization: Basic ${basic(user)}`);',
    replace: '',
    test: [PX, 'through a proxy carries AMQP over TCP for a user'],
  },
  {
    promise: 'row-12',
    file: 'lib/protocol/socket/dial.ts',
    find: '...(alpnProtocols !== undefined && { ALPNProtocols: [...alpnProtocols] }),',
    replace: '',
    test: [DI, 'TLS under fire offers the protocols'],
  },
  {
    promise: 'row-13',
    file: 'lib/protocol/control/attachment.ts',
    find: "frame.role === 'receiver' ? (frame.coordinator ?? frame.target) : frame.source;",
    replace: 'frame.coordinator ?? frame.target;',
    test: [ONE, 'a receiver whose ATTACH is answered with a null target'],
  },
  {
    promise: 'row-14',
    file: 'lib/protocol/socket/keep-alive.ts',
    find: 'this.heartbeatTimer = setInterval(() => this.beat(), Math.min(heartbeatMs / 2, LONGEST_TIMER_MS));',
    replace: 'this.heartbeatTimer = setInterval(() => this.beat(), 5_000);',
    test: [ONE, 'a send that waits for its next try holds up no heartbeat'],
  },
  {
    promise: 'row-15',
    file: 'lib/client/connection/connection-life.ts',
    find: 'this.#wait(effect.epoch, effect.delayMs);',
    replace: '',
    test: [CN, 'a connection that is open comes back when it is reset'],
  },
  {
    promise: 'row-17',
    file: 'lib/client/link/session-pool.ts',
    find: 'if (entry.places > 0) return;',
    replace: '',
    test: [LK, 'sessions end only with their last link'],
  },
  {
    promise: 'row-18',
    file: 'lib/client/link/link-runner.ts',
    find: "const kind = sibling && linkFailure(error) === 'refused' ? 'transient' : linkFailure(error);",
    replace: 'const kind = linkFailure(error);',
    test: [LK, 'sessions that end under several links'],
  },
  {
    promise: 'row-94',
    file: 'lib/protocol/message/batch-format.ts',
    find: '0x8001_3700',
    replace: '0x8001_3701',
    test: [K, 'the constants have the numbers'],
  },
];
