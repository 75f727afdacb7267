import type { EmbeddedBroker, EmbeddedBrokerOptions } from '../../broker/index.js';
import type { AmqpLogger, ConnectionOptions } from '../../client/index.js';

type Dial = NonNullable<ConnectionOptions['dial']>;

/** The broker of one module with `uri: 'embedded:'`; started by the first dial, inside the process, without a port. */
export class PrivateBroker {
  private starting: Promise<EmbeddedBroker> | undefined;

  constructor(
    private readonly options: EmbeddedBrokerOptions,
    private readonly logger: AmqpLogger,
  ) {}

  readonly dial: Dial = async (attempt) => {
    const broker = await (this.starting ??= this.start());
    return broker.dial(attempt);
  };

  /** Harmless when it never started, or twice. */
  async stop(): Promise<void> {
    const broker = await this.starting?.catch(() => undefined); // a start that failed has told its dial
    await broker?.stop();
  }

  private async start(): Promise<EmbeddedBroker> {
    // Lazily: an application on a real broker loads nothing of this one.
    const { EmbeddedBroker } = await import('../../broker/index.js');
    const broker = await EmbeddedBroker.start({ port: false, ...this.options });
    this.logger.warn("uri 'embedded:': a broker inside this process, for development and tests. It keeps nothing.");
    return broker;
  }
}
