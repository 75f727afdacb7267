// Entry "./broker": a broker inside the process, for development and tests.
export { EmbeddedBroker } from './embedded-broker.js';
export type { EmbeddedBrokerOptions, EmbeddedQueue } from './broker-options.js';
export type { BrokerQueue } from './broker-queue.js';
export type { StoredMessage } from './message/stored-message.js';
export type { InjectedFault } from './queue/injected-fault.js';
export { topicMatches } from './exchange/topic-match.js';
export type { QueueStats } from './queue/queue-stats.js';
export type { PutToken, TokenVerdict } from './service/claims.js';
