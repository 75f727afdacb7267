// Every public name of the entry ./telemetry.

export { AmqpInstrumentation } from './amqp-instrumentation.js';
export type { AmqpInstrumentationOptions, SpannedOperation } from './instrumentation-options.js';
