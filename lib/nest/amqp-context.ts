import { BaseRpcContext } from '@nestjs/microservices';

import type { AmqpConnection, Delivery, ReceivedMessage } from '../client/index.js';

// Symbol.for: a context of one copy (ESM or CommonJS) is known to the other.
const BRAND = Symbol.for('nestjs-amqp10:context');

/** What a handler gets through `@Ctx()`: the message, its delivery and where it came from. New for each attempt. */
export class AmqpContext extends BaseRpcContext<[ReceivedMessage]> {
  /** @internal */
  readonly [BRAND] = true;
  /** @internal The handler itself returned an Observable. */
  isStream = false;

  constructor(
    message: ReceivedMessage,
    private readonly connection: AmqpConnection,
    private readonly pattern: string | undefined,
    /** @internal The members of a batch; `undefined` for a handler of single messages. */
    readonly batch?: ReceivedMessage[],
  ) {
    super([message]);
  }

  /** The received message; in a batch handler the first one. */
  getMessage(): ReceivedMessage {
    return this.args[0];
  }

  /** All messages of a batch, in the order of the payload; otherwise the one message. */
  getMessages(): ReceivedMessage[] {
    return this.batch ?? [this.args[0]];
  }

  /** Settles the message; in a batch handler the first one. */
  getDelivery(): Delivery {
    return this.args[0].delivery;
  }

  /** The subject for `@MessagePattern` and `@EventPattern`, the address for `@AmqpSubscribe`. */
  getPattern(): string {
    return this.pattern ?? this.args[0].address;
  }

  /** The address the message was received from. */
  getAddress(): string {
    return this.args[0].address;
  }

  /** The connection it came over. */
  getConnection(): AmqpConnection {
    return this.connection;
  }

  /** Aborted at the handler's time-out, at shutdown and when the link is lost. */
  get signal(): AbortSignal {
    return this.args[0].signal;
  }

  /** What the sender put beside the payload as text, for example what a dispatch hook of Nest 12 attached. */
  getMetadata(): Record<string, string> | undefined {
    const texts = Object.entries(this.args[0].applicationProperties ?? {}).filter(
      ([, value]) => typeof value === 'string',
    );
    // true: what is no string was left out
    return texts.length === 0 ? undefined : (Object.fromEntries(texts) as Record<string, string>);
  }
}

/** Whether it is one, in either module format. */
export function isAmqpContext(value: unknown): value is AmqpContext {
  return typeof value === 'object' && value !== null && Reflect.get(value, BRAND) === true;
}
