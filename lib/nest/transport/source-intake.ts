// A message arriving: the sources of a server. All are attached before any gives credit; handlers end before a link is detached.

import type {
  AmqpConnection,
  HandlerPolicy,
  ReceiveClient,
  ReceivedMessage,
  Subscription,
} from '../../client/index.js';
import type { ResolvedTransportOptions } from './transport-options.js';

/** Who takes the messages, and the policy for those that fail, made of the one that their source names. */
export interface IntakeHandler {
  handle(message: ReceivedMessage): Promise<unknown>;
  policyOf(errorPolicy: HandlerPolicy): HandlerPolicy;
}

/** What a server receives from. */
export class SourceIntake {
  private sources: readonly { readonly client: ReceiveClient; readonly subscription: Subscription }[] = [];
  private stopping: Promise<void> | undefined;

  constructor(private readonly options: ResolvedTransportOptions) {}

  /** It takes nothing any more, and will not. */
  get isStopped(): boolean {
    return this.stopping !== undefined;
  }

  /** Resolves when every source is attached and has credit. Rejects with the first that cannot be. */
  async start(connection: AmqpConnection, handler: IntakeHandler): Promise<void> {
    this.sources = this.options.sources.map(({ source, subscribe }) => {
      const client = connection.createReceiveClient(source);
      const { errorPolicy = this.options.errorPolicy, ...options } = subscribe;
      const subscription = client.subscribe((message: ReceivedMessage) => handler.handle(message), {
        ...options,
        errorPolicy: handler.policyOf(errorPolicy),
        autoStart: false,
      });
      return { client, subscription };
    });
    await Promise.all(this.sources.map(({ client }) => client.attach()));
    await Promise.all(this.sources.map(({ subscription }) => subscription.resume()));
  }

  /** Asks for no more messages at once; resolves when the handlers are through. Harmless twice. */
  stop(): Promise<void> {
    const { shutdownTimeoutMs: timeoutMs } = this.options;
    this.stopping ??= Promise.all(this.sources.map(({ subscription }) => subscription.close({ timeoutMs }))).then(
      () => undefined,
    );
    return this.stopping;
  }

  /** Stops, then detaches. */
  async close(): Promise<void> {
    await this.stop();
    await Promise.all(this.sources.map(({ client }) => client.close({ timeoutMs: 0 })));
  }
}
