// Whether a policy may answer `redeliver`, so that a queue which does not count deliveries is named when its consumer attaches.

import type { HandlerPolicy } from './handler-policy.js';

const REDELIVERS = Symbol('redelivers');

export function markRedelivering(policy: HandlerPolicy): HandlerPolicy {
  return Object.assign(policy, { [REDELIVERS]: true });
}

/** Known of the policies made by `policy.redeliver` and those that end in one; a function of the user's own tells nothing. */
export function redelivers(policy: HandlerPolicy): boolean {
  return REDELIVERS in policy;
}
