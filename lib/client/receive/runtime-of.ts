import { errorName } from '../policy/error-name.js';
import type { Failures } from './failures.js';
import { HandlerRuntime } from './handler-runtime.js';
import { OnceOnly } from './once-only.js';
import type { PolicyPauses } from './policy-pauses.js';
import type { Receiver } from './receiver.js';
import { Recovery } from './recovery.js';
import type { ResolvedSubscribeOptions } from './subscribe-options.js';

/** The handler calls of one subscription: what they are given of its receiver, and what follows one that fails. */
export function runtimeOf(
  receiver: Receiver,
  handler: (input: unknown) => unknown,
  options: ResolvedSubscribeOptions,
  failures: Failures,
  pauses: PolicyPauses,
): HandlerRuntime {
  const { deadlines, logger } = receiver.context;
  const { idempotency } = options;
  const warn = (what: string): void => logger.warn(`"${receiver.address}": ${what}`);
  const onceOnly = idempotency && new OnceOnly(idempotency, (delayMs) => failures.wait(delayMs), warn);
  return new HandlerRuntime(options, {
    address: () => receiver.address,
    node: receiver.node,
    handler,
    observers: receiver.observers,
    deadlines,
    recovery: new Recovery(failures, onceOnly),
    onceOnly,
    pauses,
    broken: (error) => logger.error(`"${receiver.address}": ${errorName(error)} while a failure was handled`),
  });
}
