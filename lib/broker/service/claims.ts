// `$cbs`: put-token (claims-based security, as Azure's services have it).

import type { AmqpMessage } from '../../protocol/acceptor/index.js';
import type { BrokerConnection } from '../link/broker-connection.js';
import type { Service, ServiceAnswer } from './service.js';

/** A token as it was put. */
export interface PutToken {
  readonly token: string;
  readonly audience: string;
  /** `servicebus.windows.net:sastoken`, `jwt` ... */
  readonly type: string;
}

/** What the user's `cbs.validate` answers: 200 to 299 takes the token. */
export interface TokenVerdict {
  readonly statusCode: number;
  readonly description?: string | undefined;
}

export class Claims implements Service {
  readonly name = '$cbs';

  /** @param accepted a connection has a token (again), good until `expiresAt` */
  constructor(
    private readonly validate: ((token: PutToken) => TokenVerdict) | undefined,
    private readonly accepted: (connection: BrokerConnection, expiresAt: number) => void,
  ) {}

  answer(request: AmqpMessage, connection: BrokerConnection): ServiceAnswer {
    const { operation, type, name, expiration } = request.applicationProperties ?? {};
    if (operation !== 'put-token') return status(501, `${String(operation)} is not implemented`);
    if (typeof name !== 'string' || typeof request.body !== 'string') {
      return status(400, 'the audience (application property "name") or the token (body) is not there');
    }
    const token = { token: request.body, audience: name, type: String(type) };
    const { statusCode, description } = this.#judge(token);
    if (statusCode >= 200 && statusCode < 300) {
      const expiresAt = expiryOf(expiration, token.token);
      connection.tokens.put(name, expiresAt);
      this.accepted(connection, expiresAt);
    }
    return status(statusCode, description ?? (statusCode < 300 ? 'OK' : 'Unauthorized'));
  }

  #judge(token: PutToken): TokenVerdict {
    if (this.validate === undefined) return { statusCode: 202, description: 'Accepted' };
    try {
      return this.validate(token);
    } catch (error) {
      // The user's function: its failure is an answer too, and its text may hold the token.
      return { statusCode: 500, description: `validate threw ${error instanceof Error ? error.name : 'a value'}` };
    }
  }
}

/** From the request's property, else from a shared access signature's `se` (seconds). */
function expiryOf(expiration: unknown, token: string): number {
  if (expiration instanceof Date) return expiration.getTime();
  if (typeof expiration === 'number' || typeof expiration === 'bigint') return Number(expiration) * 1_000;
  const signature = /^SharedAccessSignature .*\bse=(\d{1,12})\b/u.exec(token);
  return signature === null ? Infinity : Number(signature[1]) * 1_000;
}

/** Azure's names beside those of AMQP Management. */
function status(statusCode: number, description: string): ServiceAnswer {
  return {
    applicationProperties: {
      'status-code': statusCode,
      'status-description': description,
      statusCode,
      statusDescription: description,
    },
    body: undefined,
  };
}
