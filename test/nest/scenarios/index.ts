// Everything that is run on every peer, and which of Nest's own integration scenarios each one is.

import { clients } from './clients.js';
import { enhancers } from './enhancers.js';
import { errors } from './errors.js';
import { events } from './events.js';
import { lifecycle } from './lifecycle.js';
import { requests } from './requests.js';
import type { Scenario } from './stage.js';

export const SCENARIOS: readonly Scenario[] = [
  ...requests,
  ...errors,
  ...events,
  ...enhancers,
  ...clients,
  ...lifecycle,
];

/** Nest's integration/microservices/e2e: file and test, and the title here that is the same for this transport. */
export const NEST_SCENARIOS: readonly (readonly [nest: string, title: string])[] = [
  ['sum-rmq: /POST', 'a request is answered with what the handler returns'],
  ['sum-rmq: /POST (Promise/async)', 'a request is answered with what the handler promises'],
  ['sum-rmq: /POST (Observable stream)', 'a request is answered with the one value of an Observable'],
  ['sum-rmq: /POST (concurrent)', 'ten requests at once get their own sums'],
  [
    'sum-rmq: /POST (streaming)',
    'a request is answered with every value of a stream in order, also of a promised one and of a slow one',
  ],
  [
    'sum-rmq: /POST (event notification)',
    'an event reaches every handler of its pattern, in one service and over several controllers',
  ],
  [
    'sum-rmq: /POST (sending options with "RecordBuilder")',
    'a record carries options and headers of a request, and of its answer',
  ],
  ['sum-rmq: /POST (multiple-urls)', 'a list of URIs is a list of peers to fail over to'],
  [
    'sum-rmq: all of these through an HTTP controller',
    'an HTTP application asks the service, and hands its answers and errors on',
  ],
  [
    'broadcast-rmq, -nats, -redis, -mqtt: Broadcast (2 subscribers)',
    'a request that is broadcast is answered by every service that listens',
  ],
  ['multicast-nats, -redis, -mqtt: Multicast', 'an event that is broadcast reaches every service'],
  ['fanout-exchange-rmq: fanout exchange', 'an event that is broadcast reaches every service'],
  ['topic-exchange-rmq: wildcards', 'a topic exchange brings each service what its bindings match'],
  [
    'custom-transport-adapter-rmq: /POST (message), /POST (event)',
    'a serializer and a deserializer on both sides encrypt what is on the wire',
  ],
  ['sum-nats: math.*, async.*, streaming.*', 'wildcards take requests and events, the exact pattern first'],
  [
    'sum-nats: /GET (exception)',
    'an RpcException goes to the requester as it is: a text, an object, thrown, rejected or emitted',
  ],
  [
    'sum-nats: /POST (event notification)',
    'an event reaches every handler of its pattern, in one service and over several controllers',
  ],
  [
    'sum-nats: /POST (sending headers with "RecordBuilder")',
    'a record carries options and headers of a request, and of its answer',
  ],
  ['mqtt-record-builder: options of a record', 'a record carries options and headers of an event'],
  [
    'concurrent-kafka: three servers, one is closed meanwhile',
    'several services on one queue share its requests, and those that are left take over when one closes',
  ],
  ['multiple-kafka: several instances', 'one service listens on several queues, each with settings of its own'],
  ['binary-redis: binary payloads', 'every kind of payload comes and goes as it is'],
  ['sum-rpc: /POST (pattern not found)', 'a pattern that nobody handles is told to the requester'],
  [
    'sum-rpc: /POST (useFactory client), /POST (useClass client)',
    'a client comes from ClientsModule.register, registerAsync (useFactory, useClass), ClientProxyFactory and @Client()',
  ],
  ['sum-rpc: /POST (custom client), /POST (standard client)', 'a proxy of your own makes errors of your own'],
  [
    'global-config-applied: guard, filter, interceptor, pipe',
    'global enhancers of a microservice run for its handlers',
  ],
  ['disconnected-client: 408', 'a client without a peer gives the caller its TimeoutError, or says what is wrong'],
  ['packet-metadata-tcp', 'what a dispatch hook attaches to a packet is in the context of its handler'],
  ['packet-metadata-tcp: no hook is set', 'without a dispatch hook a context has no metadata'],
  [
    'tcp-reconnect',
    'server and client come back after their connection is lost; requests in flight fail at once, and typed',
  ],
  [
    'tcp-shutdown: no handler after the shutdown',
    'a service that closes while busy finishes its handlers and their answers, and takes nothing new',
  ],
];
