import type { AmqpConnection, Subscription } from '../../client/index.js';

/** A consumer with what tells it apart. */
export interface ApplicationConsumer extends Subscription {
  readonly name: string;
  /** In words, one for each source. */
  readonly addresses: readonly string[];
  /** Of each source. */
  readonly prefetch: number;
  /** Of each source. */
  readonly concurrency: number;
}

/** One connection of the application, for what watches over it. */
export interface ApplicationConnection {
  /** That of `AmqpModule`, or of the provider that has the connection for itself. */
  readonly name: string;
  readonly connection: AmqpConnection;
  /** `transport`: a server or client proxy was given it. */
  readonly owner: 'module' | 'transport';
  /** Those of `@AmqpSubscribe` on it. */
  readonly consumers: readonly ApplicationConsumer[];
  /** The application opens it again after a failure, whatever the connection itself does. */
  readonly isPersistent: boolean;
}
