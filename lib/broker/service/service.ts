// A node that answers requests instead of storing messages.

import type { AmqpMessage } from '../../protocol/acceptor/index.js';
import type { ServiceName } from '../nodes/address.js';
import type { BrokerConnection } from '../link/broker-connection.js';

/** An answer before it has its correlation-id and address. */
export interface ServiceAnswer {
  readonly subject?: string | undefined;
  readonly applicationProperties: Record<string, unknown>;
  /** As an amqp-value. */
  readonly body: unknown;
}

export interface Service {
  readonly name: ServiceName;
  /** Never throws for what a peer asked. */
  answer(request: AmqpMessage, connection: BrokerConnection): ServiceAnswer;
}
