// A message leaving, right before it is written for the first time: what only the connected peer's profile can say.

import { wireAddress } from '../address/terminus.js';
import type { SendError } from '../errors.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import type { PendingSend } from './pending-send.js';
import type { SendFailures } from './send-failures.js';

/** Answers why the message cannot be sent to this peer, or within its transaction. */
export function completeSend(
  pending: PendingSend,
  profile: PeerProfile | undefined,
  failures: SendFailures,
): SendError | undefined {
  const { unfinished, transaction, message } = pending;
  if (transaction !== undefined && transaction.state !== 'active') return failures.inTransaction(pending);
  if (unfinished === undefined || profile === undefined) return undefined;
  pending.unfinished = undefined;
  if (unfinished.address && message.properties?.to !== undefined)
    message.properties = { ...message.properties, to: wireAddress(message.properties.to, profile) };
  if (unfinished.delayMs === undefined) return undefined;
  if (profile.delay === undefined)
    return failures.notSupported(pending, `cannot delay messages (profile '${profile.name}')`);
  const { annotation, as } = profile.delay;
  const value = as === 'time' ? new Date(Date.now() + unfinished.delayMs) : unfinished.delayMs;
  message.messageAnnotations = { ...message.messageAnnotations, [annotation]: value };
  return undefined;
}
