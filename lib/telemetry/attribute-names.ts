// Names of the messaging semantic conventions, and ours (`amqp.`) for what these have no name for.

export const ATTRIBUTE = {
  system: 'messaging.system',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  destination: 'messaging.destination.name',
  template: 'messaging.destination.template',
  temporary: 'messaging.destination.temporary',
  anonymous: 'messaging.destination.anonymous',
  routingKey: 'messaging.rabbitmq.destination.routing_key',
  messageId: 'messaging.message.id',
  conversationId: 'messaging.message.conversation_id',
  bodySize: 'messaging.message.body.size',
  batchCount: 'messaging.batch.message_count',
  clientId: 'messaging.client.id',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  errorType: 'error.type',
  exceptionType: 'exception.type',
  exceptionMessage: 'exception.message',
  exceptionStack: 'exception.stacktrace',
  consumer: 'amqp.consumer.name',
  failedCount: 'amqp.batch.failed_count',
  attempt: 'amqp.delivery.attempt',
  deliveryCount: 'amqp.delivery.count',
  redelivered: 'amqp.delivery.redelivered',
  outcome: 'amqp.outcome',
  condition: 'amqp.error.condition',
  delivered: 'amqp.send.delivered',
  routed: 'amqp.send.routed',
  attempts: 'amqp.send.attempts',
  connectionState: 'amqp.connection.state',
} as const;

/** In place of a name of which there are very many. */
export const FIXED_NAME = { temporary: '(temporary)', anonymous: '(anonymous)' } as const;
