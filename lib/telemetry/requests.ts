// A request from its call to its last reply: a span around that of the message that asks.

import { context, SpanKind, type Context, type Span } from '@opentelemetry/api';
import { SendError, type ObservedNode } from '../client/index.js';
import type { Described, Operation } from './operation.js';
import { contextIn, type Telemetry } from './telemetry.js';

/** One request that is not over. */
export class RunningRequest {
  readonly startedAt = performance.now();

  /**
   * @param within that its message is sent in
   * @param describe it as of now
   */
  constructor(
    readonly described: Described,
    readonly span: Span | undefined,
    readonly within: Context,
    readonly describe: () => Described,
  ) {}
}

export class Requests {
  readonly #operation: Operation;

  constructor(private readonly telemetry: Telemetry) {
    this.#operation = telemetry.operation({ name: 'request' });
  }

  onRequest({ address, node }: { readonly address: string; readonly node: ObservedNode }): RunningRequest {
    const { telemetry } = this;
    const caller = context.active();
    const describe = (): Described => this.#operation.on(node, address);
    const described = describe();
    const span = telemetry.start({ described, kind: SpanKind.CLIENT }, caller);
    if (span?.isRecording() === true) telemetry.addOwn(span, { name: 'request', address });
    return new RunningRequest(described, span, contextIn(caller, span), describe);
  }

  onReplied(token: unknown, error: unknown): void {
    if (!(token instanceof RunningRequest)) return;
    // Whoever gives up a stream of replies has what was wanted of it.
    const failure = error instanceof SendError && error.code === 'aborted' ? undefined : error;
    const described = token.describe();
    this.telemetry.describePeer(token.span, token.described, described);
    this.telemetry.recordOperation(described, token.startedAt, failure);
    this.telemetry.end(token.span, failure);
  }
}
