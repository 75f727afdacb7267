// A message arriving: concurrency gate -> (here) the handler whose `when` it fits -> its pipeline -> its policy.

import type { HandlerPolicy, ReceivedMessage } from '../../client/index.js';
import { UnmatchedPatternError } from '../transport/unmatched.js';
import type { DiscoveredHandler } from './discover-handlers.js';
import type { RunHandler } from './handler-pipeline.js';
import { type AmqpMatch, matches } from './message-match.js';

/** One of the handlers that share a consumer. */
export interface DispatchCase {
  /** `Class.method`. */
  readonly method: string;
  readonly handler: DiscoveredHandler;
  readonly when: AmqpMatch;
  readonly errorPolicy: HandlerPolicy;
}

/** The handlers of one consumer, in the order in which they are asked. */
export class Dispatch {
  /** Asked once for each message: a handler may change its payload before it fails, and is called again all the same. */
  private readonly found = new WeakMap<ReceivedMessage, { readonly found: DispatchCase | undefined }>();

  constructor(
    readonly cases: readonly DispatchCase[],
    private readonly unmatched: HandlerPolicy,
  ) {}

  /** That of the handler whose message failed, be it that it could not be read; `unmatched` where there is none. */
  policy(): HandlerPolicy {
    const asked: HandlerPolicy = (error, failed) => {
      const found = this.findSafely(failed.message);
      return (found?.errorPolicy ?? this.unmatched)(error, failed);
    };
    // What is known of a policy stands on the function: one that redelivers is enough.
    return Object.assign(asked, this.unmatched, ...this.cases.map(({ errorPolicy }) => errorPolicy)) as HandlerPolicy;
  }

  /** @param compile called once for each handler */
  handler(compile: (handler: DiscoveredHandler) => RunHandler): RunHandler {
    const runs = new Map(this.cases.map((one) => [one, compile(one.handler)]));
    return async (data, context, emit) => {
      const message = context.getMessage();
      const found = this.find(message);
      const run = found === undefined ? undefined : runs.get(found);
      if (run === undefined) throw new UnmatchedPatternError(message.properties?.subject, message.address);
      return run(data, context, emit);
    };
  }

  private find(message: ReceivedMessage): DispatchCase | undefined {
    const known = this.found.get(message);
    if (known !== undefined) return known.found;
    const found = this.cases.find(({ when }) => matches(when, message));
    this.found.set(message, { found });
    return found;
  }

  /** Where a function of the user's throws, the handler was not called either: the message is nobody's. */
  private findSafely(message: ReceivedMessage): DispatchCase | undefined {
    try {
      return this.find(message);
    } catch {
      return undefined;
    }
  }
}
