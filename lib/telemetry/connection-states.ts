import type { Attributes, UpDownCounter } from '@opentelemetry/api';
import type { ObservedConnection, StatusEvent } from '../client/index.js';
import { ATTRIBUTE } from './attribute-names.js';
import { systemOf } from './operation.js';
import type { Telemetry } from './telemetry.js';

/** Counts the connection among those of its state, and no longer among those of its last one. */
export class ConnectionStates {
  #counted: { readonly counter: UpDownCounter; readonly attributes: Attributes } | undefined = undefined;

  constructor(
    private readonly telemetry: Telemetry,
    private readonly connection: ObservedConnection,
  ) {}

  onStatus({ status }: StatusEvent): void {
    this.telemetry.refresh();
    const { options, instruments } = this.telemetry;
    if (!options.metrics) return;
    // On the same instrument and with the same words as it was counted.
    this.#counted?.counter.add(-1, this.#counted.attributes);
    this.#counted = undefined;
    if (status === 'closed') return;
    const { host, port, profile } = this.connection;
    const attributes: Attributes = {
      [ATTRIBUTE.system]: options.system ?? systemOf(profile),
      [ATTRIBUTE.connectionState]: status,
      ...(host !== undefined && { [ATTRIBUTE.serverAddress]: host }),
      ...(port !== undefined && { [ATTRIBUTE.serverPort]: port }),
    };
    this.#counted = { counter: instruments.now.connections, attributes };
    this.#counted.counter.add(1, attributes);
  }
}
