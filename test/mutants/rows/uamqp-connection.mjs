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
const TOKENS = 'test/peer/client/tokens.spec.ts';
const TOKEN_UNITS = 'test/unit/client/tokens.spec.ts';
const TOKEN_STATE = 'test/unit/client/authentication/token-state.spec.ts';

/** Rows 16 and 47, 80 to 88, 93: redirects, credentials, tokens, addresses. */
const authenticationRows = [
  {
    promise: 'row-16',
    file: 'lib/client/send/send-retries.ts',
    find: 'lost && (follows || isAboutMore(failure, profile))',
    replace: 'lost && isAboutMore(failure)',
    test: [
      'test/peer/client/redirect.spec.ts',
      'a connection redirect in the middle of traffic keeps every pending message',
    ],
  },
  {
    promise: 'row-47',
    file: 'lib/protocol/redirect.ts',
    find: 'textOf(info?.[key])',
    replace: 'textOf(info[key])',
    test: ['test/unit/protocol/amqp-error.spec.ts', 'a redirect says where to, as far as the peer does: undefined'],
  },
  {
    promise: 'row-80',
    file: 'lib/client/credentials/jwt-token.ts',
    find: 'get: () => ask(getToken),',
    replace: 'get: ((first) => () => (first ??= ask(getToken)))(undefined),',
    test: [TOKENS, 'a provider is asked again at each connect, and one may serve several connections'],
  },
  {
    promise: 'row-81',
    file: 'lib/protocol/control/sasl-client.ts',
    find: 'saslRefused(code, this.chosen)',
    replace: 'saslRefused(2, this.chosen)',
    test: ['test/peer/client/connection.spec.ts', 'a refusal of the credentials fails open() at once'],
  },
  {
    promise: 'row-82',
    file: 'lib/client/credentials/sas-token.ts',
    find: 'if (!isTime || expiresAt <= Date.now())',
    replace: 'if (!isTime)',
    test: [TOKEN_UNITS, 'a shared access signature ready-made whose time is over is refused at once'],
  },
  {
    promise: 'row-83',
    file: 'lib/client/credentials/jwt-token.ts',
    find: "typeof token !== 'string' || token === ''",
    replace: "typeof token !== 'string'",
    test: [TOKENS, 'a provider that gives no token fails the attempt'],
  },
  {
    promise: 'row-84',
    file: 'lib/client/credentials/token-source.ts',
    find: "alternatives: ['MSSBCBS']",
    replace: 'alternatives: []',
    test: [TOKENS, 'put-token follows SASL MSSBCBS without a response where only that is offered'],
  },
  {
    promise: 'row-85',
    file: 'lib/client/authentication/token-state.ts',
    find: 'return put(state.epoch, state.failures, state.life, state.cause);',
    replace: 'return put(state.epoch, 0, state.life, state.cause);',
    test: [TOKEN_STATE, 'a renewal forgets the failures before it when it succeeds'],
  },
  {
    promise: 'row-86',
    file: 'lib/client/authentication/token-state.ts',
    find: "if (event.at >= life.expiresAt) return giveUp(state, 'expired', event.cause);",
    replace: "return giveUp(state, 'expired', event.cause);",
    test: [TOKENS, 'a renewal that is refused is tried again within the window, and succeeds'],
  },
  {
    promise: 'row-87',
    file: 'lib/client/credentials/sas-token.ts',
    find: '(now + ttlMs) / 1_000',
    replace: '(now + (ttlMs % 86_400_000)) / 1_000',
    test: [TOKEN_UNITS, 'a shared access signature of a life of 86400000 ms'],
  },
  {
    promise: 'row-88',
    file: 'lib/client/address/terminus.ts',
    find: "address.startsWith('/') || address.includes('://')",
    replace: "address.startsWith('/')",
    test: [
      'test/unit/client/addresses.spec.ts',
      'an address in the words of the peer rabbitmq-4: target "amqps://Host:5671/Q?x=1"',
    ],
  },
  {
    promise: 'row-93',
    file: 'lib/client/credentials/connection-string.ts',
    find: "if (part === '') continue;",
    replace: '',
    test: [TOKEN_UNITS, 'a connection string with a semicolon at its end is read'],
  },
];

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
    file: 'lib/client/connection/connection-opening.ts',
    find: 'this.open().then(over, over);',
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
    find: "kind: sibling && kind === 'refused' ? 'transient' : kind",
    replace: 'kind',
    test: [LK, 'sessions that end under several links'],
  },
  {
    promise: 'row-94',
    file: 'lib/protocol/message/batch-format.ts',
    find: '0x8001_3700',
    replace: '0x8001_3701',
    test: [K, 'the constants have the numbers'],
  },
  ...authenticationRows,
];
