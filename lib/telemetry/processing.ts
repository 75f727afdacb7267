// A message arriving: a span around each call of its handler, within which the handler, and after a failure its policy, runs.

import { context, ROOT_CONTEXT, SpanKind, trace, type Context, type Link, type Span } from '@opentelemetry/api';
import type { ObservedDelivery, ReceivedMessage } from '../client/index.js';
import { ATTRIBUTE } from './attribute-names.js';
import type { Described, Operation } from './operation.js';
import { contextOf } from './propagation.js';
import { errorType } from './failure.js';
import { idText, linksTo, contextIn, type Telemetry } from './telemetry.js';

/** One call of a handler. */
class RunningCall {
  readonly startedAt = performance.now();
  /** Messages of it whose end is not known. */
  left: number;
  failed = 0;
  error: unknown = undefined;

  constructor(
    readonly described: Described,
    readonly span: Span | undefined,
    readonly within: Context,
    readonly messages: readonly ReceivedMessage[],
  ) {
    this.left = messages.length;
  }
}

/** Of a batch with failures of several kinds. */
class SeveralErrors extends Error {
  override readonly name = 'BatchError';
}

export class Processing {
  readonly #operation: Operation;
  /** Where the settlement of a message belongs that is made when its span is over. */
  readonly #contexts = new WeakMap<ReceivedMessage, Context>();
  /** Its messages are told of one after another. */
  #batch: { readonly messages: readonly ReceivedMessage[]; readonly call: RunningCall } | undefined = undefined;

  constructor(private readonly telemetry: Telemetry) {
    this.#operation = telemetry.operation({ name: 'process', type: 'process' });
  }

  /** The context of the span in which it was handled last; kept only where each settlement has a span. */
  contextOf(message: ReceivedMessage): Context | undefined {
    return this.#contexts.get(message);
  }

  onDelivery(event: ObservedDelivery): RunningCall {
    const { batch, message, failure } = event;
    const described = this.#operation.on(event.node, event.address);
    if (message.attempt === 1) this.telemetry.count('consumed', described, 1, failure?.error);
    const call = batch === undefined ? this.#one(event, described) : this.#ofBatch(event, batch, described);
    if (this.telemetry.options.settleSpans === 'all') this.#contexts.set(message, call.within);
    return call;
  }

  runHandler<T>(token: unknown, run: () => T): T {
    return token instanceof RunningCall ? context.with(token.within, run) : run();
  }

  onHandled(token: unknown, error: unknown): void {
    if (!(token instanceof RunningCall)) return;
    if (error !== undefined) {
      const isOther = token.failed > 0 && errorType(error) !== errorType(token.error);
      token.error = isOther ? new SeveralErrors('several messages failed, for several reasons') : error;
      token.failed++;
    }
    token.left--;
    if (token.left > 0) return;
    try {
      this.telemetry.recordProcess(token.described, token.startedAt, token.error);
      if (token.failed > 0 && token.messages.length > 1) token.span?.setAttribute(ATTRIBUTE.failedCount, token.failed);
    } finally {
      this.telemetry.end(token.span, token.error);
    }
  }

  runPolicy<T>(token: unknown, run: () => T): T {
    return this.runHandler(token, run);
  }

  #one({ address, node, message, consumer }: ObservedDelivery, described: Described): RunningCall {
    const { telemetry } = this;
    const { consumerSpan, propagate } = telemetry.options;
    const carried = propagate === false ? ROOT_CONTEXT : contextOf(message);
    const parent = consumerSpan === 'parent' ? carried : trace.deleteSpan(carried);
    const span = telemetry.start({ described, kind: SpanKind.CONSUMER, links: linksTo(carried) }, parent);
    if (span?.isRecording() === true) {
      if (node.kind !== 'named') span.setAttribute(ATTRIBUTE.destination, address);
      describeDelivery(span, message, consumer);
      telemetry.describeMessage(span, message);
      telemetry.addOwn(span, { name: 'process', address, message });
    }
    // Without spans the handler goes on where the message came from.
    return new RunningCall(described, span, span === undefined ? carried : contextIn(parent, span), [message]);
  }

  #ofBatch(event: ObservedDelivery, messages: readonly ReceivedMessage[], described: Described): RunningCall {
    if (this.#batch?.messages !== messages) this.#batch = { messages, call: this.#start(event, messages, described) };
    const { call } = this.#batch;
    if (messages.at(-1) === event.message) this.#batch = undefined;
    return call;
  }

  #start(
    { address, message, consumer }: ObservedDelivery,
    messages: readonly ReceivedMessage[],
    described: Described,
  ): RunningCall {
    const { telemetry } = this;
    const links = telemetry.options.propagate === false ? undefined : messages.flatMap(linkTo);
    const span = telemetry.start({ described, kind: SpanKind.CONSUMER, links }, ROOT_CONTEXT);
    if (span?.isRecording() === true) {
      span.setAttribute(ATTRIBUTE.batchCount, messages.length);
      if (consumer !== undefined) span.setAttribute(ATTRIBUTE.consumer, consumer);
      telemetry.addOwn(span, { name: 'process', address, message });
    }
    return new RunningCall(described, span, contextIn(ROOT_CONTEXT, span), messages);
  }
}

/** Links of one among several messages say which one it is. */
export function linkTo(message: ReceivedMessage): Link[] {
  const id = message.properties?.messageId;
  return linksTo(contextOf(message), id === undefined ? undefined : { [ATTRIBUTE.messageId]: idText(id) }) ?? [];
}

function describeDelivery(span: Span, message: ReceivedMessage, consumer: string | undefined): void {
  const { attempt, deliveryCount, redelivered, deliveryInfo } = message;
  if (attempt > 1) span.setAttribute(ATTRIBUTE.attempt, attempt);
  if (deliveryCount > 0) span.setAttribute(ATTRIBUTE.deliveryCount, deliveryCount);
  if (redelivered) span.setAttribute(ATTRIBUTE.redelivered, true);
  if (deliveryInfo.routingKey !== undefined) span.setAttribute(ATTRIBUTE.routingKey, deliveryInfo.routingKey);
  if (consumer !== undefined) span.setAttribute(ATTRIBUTE.consumer, consumer);
}
