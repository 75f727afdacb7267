import type { AmqpConnection } from 'nestjs-amqp10/client';
import type { EmbeddedBroker } from 'nestjs-amqp10/broker';

/** Where the examples run. */
export interface World {
  readonly connection: AmqpConnection;
  readonly uri: string;
  /** `embedded`, `activemq`, `artemis` ...: what the peer turned out to be. */
  readonly profile: string;
  /** Only when the examples run on the embedded broker. */
  // oxlint-disable-next-line typescript/no-redundant-type-constituents -- the linter sees no packages of a sample
  readonly broker: EmbeddedBroker | undefined;
  /** Makes a queue that no other example and no other run uses, and answers its name. */
  readonly queue: () => Promise<string>;
}

/** One example of uamqp's documentation. */
export interface Example {
  readonly title: string;
  /** What it is called there. */
  readonly uamqp: string;
  /** Does it, and answers in words what happened. Throws when that is not what must happen. */
  readonly run: (world: World) => Promise<string>;
}
