import type { AmqpError, ConnectionStatus, LinkRole, LinkStatus, Subscription } from '../client/index.js';

/** What a check found. No secrets and no bodies; names of queues, and of hosts where an error has one. */
export interface AmqpHealthDetails {
  /** Why it is not up, in words; empty when it is. */
  readonly reasons: readonly string[];
  /** By name. */
  readonly connections: Readonly<Record<string, ConnectionHealth>>;
}

/** One connection. */
export interface ConnectionHealth {
  readonly status: ConnectionStatus;
  /** Since when it can be used, or cannot; ISO 8601. */
  readonly since: string;
  /** What the peer says it is, or was when it was last there: `RabbitMQ 4.1.0`. */
  readonly peer?: string;
  /** Why it was last lost, or could not be had. It stays when it is back. */
  readonly lastError?: HealthError & { readonly at: string };
  /** By name. */
  readonly consumers: Readonly<Record<string, ConsumerHealth>>;
  /** Those that ail first; at most 100. */
  readonly links: readonly LinkHealth[];
}

/** One consumer of `@AmqpSubscribe`. */
export interface ConsumerHealth {
  readonly state: Subscription['state'];
  /** Unsettled messages here. */
  readonly inHand: number;
  readonly error?: HealthError;
}

/** One link. */
export interface LinkHealth {
  readonly role: LinkRole;
  readonly address: string;
  readonly state: LinkStatus['state'];
  readonly error?: HealthError;
}

/** One error. */
export interface HealthError {
  readonly code: string;
  /** The AMQP error condition, where the peer named one. */
  readonly condition?: string;
  /** At most 500 characters. */
  readonly message: string;
}

/** A peer may write at length. */
const MOST_CHARACTERS = 500;

export function errorDetails({ code, condition, message }: AmqpError): HealthError {
  return { code, ...(condition === undefined ? {} : { condition }), message: message.slice(0, MOST_CHARACTERS) };
}
