// Messages that are fetched: a span from the call to what it gave, linked to each of them.

import { context, SpanKind } from '@opentelemetry/api';
import type { ObservedReceive } from '../client/index.js';
import { ATTRIBUTE } from './attribute-names.js';
import type { Operation } from './operation.js';
import { linkTo } from './processing.js';
import type { Telemetry } from './telemetry.js';

export class Receives {
  readonly #operation: Operation;

  constructor(private readonly telemetry: Telemetry) {
    this.#operation = telemetry.operation({ name: 'receive', type: 'receive' });
  }

  /** A call that waited in vain is none worth telling. */
  onReceive({ address, node, messages, startedAt, failure }: ObservedReceive): void {
    const [first] = messages;
    if (first === undefined && failure === undefined) return;
    const { telemetry } = this;
    const described = this.#operation.on(node, address);
    telemetry.recordOperation(described, startedAt, failure?.error);
    if (messages.length > 0) telemetry.count('consumed', described, messages.length);
    const links = telemetry.options.propagate === false ? undefined : messages.flatMap(linkTo);
    // By the clock that all other spans take: that of this process may have drifted from it since it began.
    const startTime = Date.now() - (performance.now() - startedAt);
    const span = telemetry.start({ described, kind: SpanKind.CLIENT, links, startTime }, context.active());
    if (span?.isRecording() === true) {
      if (node.kind !== 'named') span.setAttribute(ATTRIBUTE.destination, address);
      if (messages.length !== 1) span.setAttribute(ATTRIBUTE.batchCount, messages.length);
      else if (first !== undefined) telemetry.describeMessage(span, first);
      telemetry.addOwn(span, { name: 'receive', address, message: first });
    }
    telemetry.end(span, failure?.error);
  }
}
