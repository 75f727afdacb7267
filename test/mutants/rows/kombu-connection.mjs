// Faults in rows 96 to 116: connecting and errors. As in ../connection.mjs, with a row in the place of a promise.

const PU = 'test/unit/client/options/peer-uri.spec.ts';
const CO = 'test/unit/client/options/connection-options.spec.ts';
const CP = 'test/unit/client/connect-peer.spec.ts';
const DI = 'test/peer/protocol/dial.spec.ts';
const TF = 'test/peer/client/tls-failover.spec.ts';
const FC = 'test/peer/faults/connect.spec.ts';
const CN = 'test/peer/client/connection.spec.ts';
const CS = 'test/unit/client/connection-state.spec.ts';
const RT = 'test/unit/client/retry/retrying.spec.ts';
const ONE = 'test/peer/client/one-connection.spec.ts';
const ES = 'test/unit/protocol/error-scope.spec.ts';
const OF = 'test/peer/client/open-fields.spec.ts';

export const kombuConnectionRows = [
  {
    promise: 'row-96',
    file: 'lib/client/options/peer-uri.ts',
    find: "pyamqp: 'amqp'",
    replace: "pyamqp: 'amqps'",
    test: [PU, "a URI that cannot work kombu's scheme"],
  },
  {
    promise: 'row-97',
    file: 'lib/client/options/resolve-peers.ts',
    find: 'uri.user === undefined ? saslAnonymous()',
    replace: "uri.user === undefined ? saslPlain('guest', 'guest')",
    test: [CO, 'credentials come from the URI of each peer'],
  },
  {
    promise: 'row-98',
    file: 'lib/client/options/resolve-peers.ts',
    find: '`vhost:${uri.vhost}`',
    replace: 'uri.vhost',
    test: [CO, 'defaults name the virtual host in OPEN'],
  },
  {
    promise: 'row-99',
    file: 'lib/client/options/peer-uri.ts',
    find: '`${path}?idleTimeoutMs`, 1_000)',
    replace: '`${path}?idleTimeoutMs`, 1)',
    test: [PU, 'a URI that cannot work an idle time-out under a second'],
  },
  {
    promise: 'row-100',
    file: 'lib/client/options/peer-uri.ts',
    find: 'if (!parsed.some((other) => isDeepStrictEqual(other.uri, uri))) parsed.push({ given, uri });',
    replace: 'parsed.push({ given, uri });',
    test: [PU, 'a URI that is in the list twice'],
  },
  {
    promise: 'row-101',
    file: 'lib/client/connection/failover.ts',
    find: 'return new Chosen(peers, failover);',
    replace: 'return new Rounds(() => peers);',
    test: [CP, 'the order of peers is that of a function'],
  },
  {
    promise: 'row-102',
    file: 'lib/protocol/socket/dial.ts',
    find: '    ...others,\n    minVersion,',
    replace: '    ...others,\n    rejectUnauthorized: false,\n    minVersion,',
    test: [DI, 'TLS an unknown authority is refused'],
  },
  {
    promise: 'row-103',
    file: 'lib/protocol/socket/dial.ts',
    find: '(isIP(host) === 0 ? host : undefined)',
    replace: "(isIP(host) === 0 ? 'first.example' : undefined)",
    test: [TF, 'a failover list over TLS asks each peer for its own name'],
  },
  {
    promise: 'row-104',
    file: 'lib/protocol/control/sasl-client.ts',
    find: '.find((candidate) => offered.includes(candidate))',
    replace: '.find((candidate) => offered.includes(candidate)) ?? offered[0]',
    test: [FC, 'SASL never falls back to something weaker'],
  },
  {
    promise: 'row-105',
    file: 'lib/client/options/reconnect-policy.ts',
    find: 'maxAttempts: 0 }',
    replace: 'maxAttempts: 3 }',
    test: [CN, 'open(), when there is nobody to talk to stops after one attempt'],
  },
  {
    promise: 'row-106',
    file: 'lib/client/options/reconnect-policy.ts',
    find: '(stepMs ?? 0) * (failures - 1)',
    replace: '(stepMs ?? 0) * failures',
    test: [CS, 'the back-off grows by steps'],
  },
  {
    promise: 'row-107',
    file: 'lib/client/retry/retrying.ts',
    find: 'number >= maxAttempts',
    replace: 'number > maxAttempts',
    test: [RT, 'work that is retried is called maxAttempts times'],
  },
  {
    promise: 'row-108',
    file: 'lib/client/retry/retrying.ts',
    find: "error.delivered === 'no'",
    replace: "error.delivered !== 'no'",
    test: [RT, 'work that is retried is told whether it may repeat'],
  },
  {
    promise: 'row-109',
    file: 'lib/client/send/send-failures.ts',
    find: 'this.connectionFailure() ?? last;',
    replace: 'last;',
    test: [ONE, 'a send to a peer that is not there'],
  },
  {
    promise: 'row-110',
    file: 'lib/client/options/resolve-peers.ts',
    find: '?? uri.idleTimeoutMs ?? amqpConstants.idleTimeoutMs',
    replace: '?? uri.idleTimeoutMs ?? 0',
    test: [CO, 'defaults are those of the documentation'],
  },
  {
    promise: 'row-111',
    file: 'lib/client/options/peer-uri.ts',
    find: 'shown: showUri(scheme, host, port, pathname),',
    replace: "shown: showUri(scheme, `${user?.name ?? ''}${host}`, port, pathname),",
    test: [PU, 'a URI is shown without user'],
  },
  {
    promise: 'row-112',
    file: 'lib/protocol/amqp-error.ts',
    find: "  'amqp:precondition-failed',\n",
    replace: '',
    test: [ES, 'an error of the peer, by what 0-9-1 called it 406'],
  },
  {
    promise: 'row-113',
    file: 'lib/protocol/errors.ts',
    find: 'retryable: saslCode === 4',
    replace: 'retryable: true',
    test: [CN, 'a refusal of the credentials fails open() at once'],
  },
  {
    promise: 'row-114',
    file: 'lib/protocol/amqp-error.ts',
    find: 'AmqpError.inOwnWords(new LinkDetachedError(message, link.address, link.name, facts(error)))',
    replace: "AmqpError.inOwnWords(new LinkDetachedError(message, '', link.name, facts(error)))",
    test: [ONE, 'clients on a connection that is open already have errors of their own'],
  },
  {
    promise: 'row-115',
    file: 'lib/client/connection/connection-life.ts',
    find: 'this.#blocked = blocked;\n',
    replace: '',
    test: [CN, 'a connection that is open is blocked while'],
  },
  {
    promise: 'row-116',
    file: 'lib/client/connection/peer-description.ts',
    find: '    properties,\n    offeredCapabilities,\n  };',
    replace: '    properties,\n    offeredCapabilities: [],\n  };',
    test: [OF, 'what the peer says in OPEN can be seen'],
  },
];
