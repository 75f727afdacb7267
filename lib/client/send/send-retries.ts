import type { AmqpLogger } from '../client-context.js';
import type { SendError } from '../errors.js';
import { errorName } from '../policy/error-name.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import { decideRetry, retriedByTable, waitsForLink, type ErrorPolicy, type Retry } from './error-policy.js';
import type { PendingSend } from './pending-send.js';

/** Conditions that speak of the node or the link, not of a message: whether it can be had again tells more than they do. */
const ABOUT_THE_LINK: ReadonlySet<string> = new Set([
  'amqp:not-found',
  'amqp:resource-deleted',
  'amqp:unauthorized-access',
]);

/** The error policy of one client at work. */
export class SendRetries {
  constructor(
    private readonly policy: ErrorPolicy,
    private readonly logger: AmqpLogger,
    /** Of the peer that is connected, or was last. */
    private readonly profile: () => PeerProfile | undefined,
  ) {}

  /**
   * The next try of a failed transfer; `undefined`: given up.
   *
   * @param lost it was lost with its link: there is nothing to wait for but the next link, whose attach decides
   * @param follows the link has gone elsewhere, and we go there
   */
  decide(pending: PendingSend, failure: SendError, lost: boolean, follows = false): Retry | undefined {
    // What a transaction had on a lost link is gone with it, and its other parts with the transaction.
    if (pending.transaction !== undefined) return undefined;
    const profile = this.profile();
    const pauseMs = rejectionPause(failure, profile);
    const retry =
      retriedByTable(failure) || pauseMs !== undefined || (lost && (follows || isAboutMore(failure, profile)));
    const byDefault = lost ? { retry, delayMs: 0 } : { retry, ...(pauseMs && { delayMs: pauseMs }) };
    return this.#ask(failure, () => decideRetry(this.policy, failure, pending.retries, byDefault));
  }

  /** Whether a message goes on waiting for a link that the peer refuses. */
  waits(failure: SendError): boolean {
    return this.#ask(failure, () => waitsForLink(this.policy, failure)) ?? false;
  }

  /** A policy of the user's that throws is a policy that gives up. */
  #ask<T>(failure: SendError, question: () => T): T | undefined {
    try {
      return question();
    } catch (error) {
      this.logger.error(`the errorPolicy of "${failure.address}" threw ${errorName(error)}; nothing is retried`);
      return undefined;
    }
  }
}

/** What ended the link may have had nothing to do with what was sent on it; `maxRetries` bounds it where it had. */
function isAboutMore({ code, condition }: SendError, profile: PeerProfile | undefined): boolean {
  if (condition === undefined) return false;
  if (ABOUT_THE_LINK.has(condition)) return true;
  return code === 'connection-lost' && profile?.stoppingConditions.includes(condition) === true;
}

/** The peer takes it later: how long to wait, 0 for the usual time. */
function rejectionPause({ outcome, condition }: SendError, profile: PeerProfile | undefined): number | undefined {
  return outcome?.kind === 'rejected' && condition !== undefined
    ? profile?.passingRejections.get(condition)
    : undefined;
}
