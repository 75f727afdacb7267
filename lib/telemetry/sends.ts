// A message leaving: a span from the call to the outcome, and its context on the message.

import { context, SpanKind, trace, type Context, type Span } from '@opentelemetry/api';
import type { ObservedSend, SendObservation, SendResult } from '../client/index.js';
import { ATTRIBUTE } from './attribute-names.js';
import type { Described, Operation } from './operation.js';
import { carriesContext, contextOf, entriesFor } from './propagation.js';
import { RunningRequest } from './requests.js';
import { linksTo, contextIn, type Telemetry } from './telemetry.js';

/** One send from its call to its outcome. */
class RunningSend {
  readonly startedAt = performance.now();

  constructor(
    readonly described: Described,
    readonly span: Span | undefined,
    /** Describes it as of now. */
    readonly describe: () => Described,
  ) {}
}

export class Sends {
  readonly #operation: Operation;

  constructor(private readonly telemetry: Telemetry) {
    this.#operation = telemetry.operation({ name: 'send', type: 'send' });
  }

  onSend({ address, node, message, request }: ObservedSend): SendObservation {
    const { telemetry } = this;
    const { propagate } = telemetry.options;
    const to = message.properties?.to;
    const describe = (): Described => this.#operation.on(node, address, to);
    const described = describe();
    // A request may wait for its reply address, and be sent by whoever brings that.
    const caller = request instanceof RunningRequest ? request.within : context.active();
    const own = propagate !== false && carriesContext(message) ? contextOf(message) : undefined;
    const kind = own === undefined ? SpanKind.PRODUCER : SpanKind.CLIENT;
    const links = own && linksTo(own);
    const span = telemetry.start({ described, kind, links }, parentOf(caller, own));
    const token = new RunningSend(described, span, describe);
    if (span?.isRecording() === true) {
      const name = node.kind === 'temporary' ? address : node.kind === 'anonymous' ? to : undefined;
      if (name !== undefined) span.setAttribute(ATTRIBUTE.destination, name);
      telemetry.describeMessage(span, message);
      telemetry.addOwn(span, { name: 'send', address, message });
    }
    if (own !== undefined || propagate === false) return { token };
    const entries = entriesFor(contextIn(caller, span), propagate);
    if (entries === undefined) return { token };
    return propagate === 'message-annotations'
      ? { token, messageAnnotations: entries }
      : { token, applicationProperties: entries };
  }

  onSent(token: unknown, result: SendResult): void {
    if (!(token instanceof RunningSend)) return;
    const { telemetry } = this;
    const { span, startedAt } = token;
    const error = result.ok ? undefined : result.error;
    const described = token.describe();
    telemetry.describePeer(span, token.described, described);
    telemetry.recordOperation(described, startedAt, error);
    // What never left this process was not sent.
    if (result.attempts > 0) telemetry.count('sent', described, 1, error);
    if (span?.isRecording() === true) describeResult(span, result);
    telemetry.end(span, error);
  }
}

/** Where nothing runs that has a span, a message with a context of its own is sent in that one. */
function parentOf(caller: Context, own: Context | undefined): Context {
  return own !== undefined && trace.getSpanContext(caller) === undefined ? own : caller;
}

function describeResult(span: Span, result: SendResult): void {
  if (result.attempts > 1) span.setAttribute(ATTRIBUTE.attempts, result.attempts);
  if (!result.ok) span.setAttribute(ATTRIBUTE.delivered, result.error.delivered);
  else if (!result.routed) span.setAttribute(ATTRIBUTE.routed, false);
}
