// Every public name of the client, by hand. lib/index.ts re-exports this list whole.

export { AmqpConnection } from './amqp-connection.js';
export type { PeerDescription } from './connection/peer-description.js';
export type { Source, Target } from './address/address.js';
export type { AmqpLogger } from './client-context.js';
export type { ConnectionStatus, LastStatus, StatusEvent } from './connection/status.js';
export type { LinkRole, LinkStatus } from './link/link-status.js';
export type { RedirectOptions } from './options/redirect-options.js';
export type { ConnectionOptions, Dial, TlsOptions, WebSocketOptions } from './options/connection-options.js';
export type { ProfileName } from './profile/peer-profile.js';
export type { Credentials, SecretProvider } from './credentials/credentials.js';
export { saslAnonymous, saslExternal, saslPlain, saslXoauth2 } from './credentials/sasl.js';
export { saslScram } from './credentials/scram.js';
export {
  createSasToken,
  sasToken,
  type ReadySasTokenOptions,
  type SasKey,
  type SasKeyOptions,
  type TokenPlace,
} from './credentials/sas-token.js';
export { jwtToken, type JwtTokenOptions } from './credentials/jwt-token.js';
export type { Token, TokenSource } from './credentials/token-source.js';
export { parseConnectionString, type ConnectionStringParts } from './credentials/connection-string.js';
export type { AuthenticationStatus } from './authentication/authentication-status.js';
export type {
  BindingDeclaration,
  ExchangeDeclaration,
  QueueDeclaration,
  QueueInfo,
  Topology,
  TopologyClient,
} from './topology/topology.js';

export { receiveMessage, receiveMessages, sendMessage, type ReceiveOnceOptions } from './one-shot.js';
export { SendClient } from './send/send-client.js';
export type { SendClientOptions } from './send/send-client-options.js';
export { allSent } from './send/send-results.js';
export type { BatchSuccess, SendFailureResult, SendResult, SendSuccess } from './send/send-result.js';
export type { AttachedLink, SendClientState } from './send/send-link.js';
export type { PendingMessage, PendingState } from './send/pending-message.js';
export { ErrorPolicy, type ErrorAction, type ErrorPolicyOptions } from './send/error-policy.js';
export { ReceiveClient } from './receive/receive-client.js';
export { messagesOf } from './receive/messages-of.js';
export type { MessageIterator } from './receive/message-iterator.js';
export type { ReceiveBatchOptions } from './receive/pull.js';
export type { ReceiveClientOptions } from './receive/receive-client-options.js';
export { ConcurrencyLimit } from './receive/concurrency-limit.js';
export type { SubscribeOptions, SubscriptionChange } from './receive/subscribe-options.js';
export type { Subscription } from './receive/subscription.js';

export { RequestClient } from './request/request-client.js';
export type { RequestClientOptions } from './request/request-client-options.js';

export { ManagementClient } from './management/management-client.js';
export type {
  ManagementClientOptions,
  ManagementRequest,
  ManagementResponse,
} from './management/management-client-options.js';

export type { RetriedAttempt, RetryingOptions } from './retry/retrying-options.js';
export type { RedriveOptions } from './redrive/redrive-options.js';

export {
  policy,
  type ErrorCase,
  type PauseOptions,
  type RedeliverOptions,
  type RetryOptions,
} from './policy/policy.js';
export type { ExponentialOptions } from './policy/backoff.js';
export type { Backoff, FailedDelivery, HandlerPolicy, PolicyDecision } from './policy/handler-policy.js';
export type { IdempotencyStore } from './idempotency/idempotency-store.js';

export { createMessage } from './message/create-message.js';
export { decodeMessage, encodedSize, encodeMessage } from './message/message-bytes.js';
export { bodyOf, headerOf, type CompleteHeader, type MessageBody } from './message/message-parts.js';
export type { SendOptions } from './message/send-options.js';
export type {
  Delivery,
  Modification,
  ReceivedMessage,
  RejectOptions,
  DeliveryInfo,
  MessageRoute,
  SettleOptions,
  SettleResult,
} from './message/received-message.js';
export { settleOrLog } from './message/settle-or-log.js';
export type { Codec } from './codec/codec.js';
export type { CloudEvent, ReceivedCloudEvent } from './cloud-events/cloud-event.js';
export { cloudEventOf, isCloudEvent } from './cloud-events/read-cloud-event.js';
export { cloudEvent, type CloudEventOptions } from './cloud-events/write-cloud-event.js';
export type { Compression } from './codec/compression.js';
export type {
  ObservedDelivery,
  ObservedMessage,
  ObservedReceive,
  ObservedSend,
  Observer,
  SendObservation,
} from './observer/observer.js';
export type { ObservedConnection } from './observer/observed-connection.js';
export type { ObservedNode } from './observer/observed-node.js';
export type { TransactionOptions } from './transaction/transaction-options.js';
export type { Transaction } from './transaction/transaction.js';

export { amqpConstants } from './constants.js';
export { errorCondition } from './error-condition.js';
export {
  AmqpError,
  AuthenticationError,
  ConnectionError,
  ConnectionRedirectError,
  DecodeError,
  InvalidOptionsError,
  LinkDetachedError,
  LinkError,
  LinkRedirectError,
  LinkStolenError,
  amqp,
  VERSION,
  Described,
  Uuid,
  type AmqpErrorFacts,
  type ErrorScope,
  type AuthenticationFacts,
  type RedirectTarget,
  type AmqpMessage,
  type BodyType,
  type MessageHeader,
  type MessageId,
  type MessageProperties,
  type Outcome,
} from '../protocol/index.js';
export {
  AmqpTimeoutError,
  BatchError,
  BatchSendError,
  ClientClosedError,
  EncodeError,
  ManagementError,
  MessageTooLargeError,
  RequestError,
  RequestTimeoutError,
  SendError,
  SendQueueFullError,
  SettlementError,
  TopologyError,
  TransactionError,
  type BatchFailure,
  type SendErrorCode,
  type SendFailure,
  type TopologyFailure,
} from './errors.js';
