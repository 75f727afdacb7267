import type { Context } from '@opentelemetry/api';
import type { AmqpMessage, ObservedConnection, Observer } from '../client/index.js';
import { ConnectionStates } from './connection-states.js';
import {
  resolveInstrumentationOptions,
  type AmqpInstrumentationOptions,
  type ResolvedInstrumentationOptions,
} from './instrumentation-options.js';
import { Instruments } from './instruments.js';
import { Processing } from './processing.js';
import { contextOf } from './propagation.js';
import { Receives } from './receives.js';
import { Requests } from './requests.js';
import { Sends } from './sends.js';
import { Settlements } from './settlements.js';
import { Telemetry } from './telemetry.js';

/**
 * Spans and metrics by OpenTelemetry's messaging conventions, and the W3C trace context on the wire. It is given to a connection, or to
 * `AmqpModule.forRoot`, as its `observer`; one may serve several.
 *
 * Without an SDK it does next to nothing, and whatever an SDK does, no message is lost by it.
 */
export class AmqpInstrumentation implements Observer {
  readonly #options: ResolvedInstrumentationOptions;
  readonly #instruments: Instruments;

  /** @throws InvalidOptionsError */
  constructor(options?: AmqpInstrumentationOptions) {
    this.#options = resolveInstrumentationOptions(options);
    this.#instruments = new Instruments(this.#options.meterProvider);
  }

  /** What listens to one connection. Called by the connection. */
  forConnection(connection: ObservedConnection): Observer {
    const telemetry = new Telemetry(this.#options, this.#instruments, connection);
    telemetry.refresh();
    const states = new ConnectionStates(telemetry, connection);
    const sends = new Sends(telemetry);
    const requests = new Requests(telemetry);
    const receives = new Receives(telemetry);
    const processing = new Processing(telemetry);
    const settlements = new Settlements(telemetry, (message) => processing.contextOf(message));
    return {
      onStatus: (event) => states.onStatus(event),
      onSend: (event) => sends.onSend(event),
      onSent: (token, result) => sends.onSent(token, result),
      onRequest: (event) => requests.onRequest(event),
      onReplied: (token, error) => requests.onReplied(token, error),
      onReceive: (event) => receives.onReceive(event),
      onDelivery: (event) => processing.onDelivery(event),
      runHandler: (token, run) => processing.runHandler(token, run),
      onHandled: (token, error) => processing.onHandled(token, error),
      runPolicy: (token, run) => processing.runPolicy(token, run),
      onSettle: (event) => settlements.onSettle(event),
    };
  }

  /** The context that a message carries, for spans of your own around messages that were fetched. Empty when it carries none. */
  contextOf(message: AmqpMessage): Context {
    return contextOf(message);
  }
}
