// A message settled: counted by its outcome, and a span where that says more than that all went well.

import { context, ROOT_CONTEXT, SpanKind, trace, type Context } from '@opentelemetry/api';
import type { ObservedMessage, Outcome, ReceivedMessage } from '../client/index.js';
import { ATTRIBUTE } from './attribute-names.js';
import type { Operation } from './operation.js';
import { contextOf } from './propagation.js';
import { linksTo, type Telemetry } from './telemetry.js';

const NAMES = { accepted: 'accept', rejected: 'reject', released: 'release', modified: 'modify' } as const;

export class Settlements {
  readonly #operations: Readonly<Record<Outcome['kind'], Operation>>;

  /** @param handledIn the context in which a message was handled, where that is known */
  constructor(
    private readonly telemetry: Telemetry,
    private readonly handledIn: (message: ReceivedMessage) => Context | undefined,
  ) {
    const operation = (outcome: Outcome['kind']): Operation =>
      telemetry.operation({ name: NAMES[outcome], type: 'settle', outcome });
    this.#operations = {
      accepted: operation('accepted'),
      rejected: operation('rejected'),
      released: operation('released'),
      modified: operation('modified'),
    };
  }

  onSettle({ address, node, message, outcome }: ObservedMessage & { readonly outcome: Outcome }): void {
    const { telemetry } = this;
    const { settleSpans, propagate } = telemetry.options;
    const described = this.#operations[outcome.kind].on(node, address);
    telemetry.count('settled', described, 1);
    if (settleSpans === 'none' || (settleSpans === 'failures' && outcome.kind === 'accepted')) return;
    const carried = propagate === false ? ROOT_CONTEXT : contextOf(message);
    const parent = this.handledIn(message) ?? context.active();
    const own = trace.getSpanContext(parent) === undefined ? carried : parent;
    const span = telemetry.start({ described, kind: SpanKind.CLIENT, links: linksTo(carried) }, own);
    if (span?.isRecording() === true) {
      if (node.kind !== 'named') span.setAttribute(ATTRIBUTE.destination, address);
      if (outcome.kind === 'rejected' && outcome.condition !== undefined)
        span.setAttribute(ATTRIBUTE.condition, outcome.condition);
      telemetry.describeMessage(span, message);
      telemetry.addOwn(span, { name: 'settle', address, message });
    }
    telemetry.end(span, undefined);
  }
}
