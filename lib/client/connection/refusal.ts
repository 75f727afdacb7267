import {
  AmqpError,
  AZURE_REFUSALS,
  ConnectionError,
  LinkRedirectError,
  LinkStolenError,
} from '../../protocol/index.js';
import type { LinkFailure } from '../link/link-state.js';
import type { PeerProfile } from '../profile/peer-profile.js';

/** Conditions that stay until somebody changes something at the peer or in the program. */
const REFUSALS: ReadonlySet<string> = new Set([
  'amqp:not-found',
  'amqp:unauthorized-access',
  'amqp:not-allowed',
  'amqp:not-implemented',
  'amqp:invalid-field',
  'amqp:precondition-failed',
  'amqp:resource-deleted',
  ...AZURE_REFUSALS,
]);

/**
 * Whether the peer said no, and will say so again.
 *
 * @param last the profile of the peer that was connected last
 */
export function isRefusal(error: AmqpError, last?: PeerProfile): boolean {
  // It holds the connection that was lost, and will notice.
  if (last?.uniqueContainerIds === true && isOfContainerId(error)) return false;
  // The condition is then ours, for a peer that broke the protocol, as brokers do that are about to start: it refused nothing.
  if (error.code === 'protocol-error') return false;
  return !error.retryable || (error.condition !== undefined && REFUSALS.has(error.condition));
}

/** What a failed attach or an ended link means for the next attempt. */
export function linkFailure(error: AmqpError): LinkFailure {
  if (error instanceof LinkStolenError || error.condition === 'amqp:link:stolen') return 'fatal';
  // It went down with its connection, which decides for itself when it comes back.
  if (error instanceof ConnectionError) return 'transient';
  if (error instanceof LinkRedirectError) return 'refused';
  return isRefusal(error) ? 'refused' : 'transient';
}

function isOfContainerId({ condition, info }: AmqpError): boolean {
  return condition === 'amqp:invalid-field' && info?.['invalid-field'] === 'container-id';
}
