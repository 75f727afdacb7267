// A message leaving, right before it is written for the first time: what only the connected peer's profile can say.

import { BATCH_FORMAT, type AmqpMessage } from '../../protocol/index.js';
import { wireAddress } from '../address/terminus.js';
import type { SendError } from '../errors.js';
import { namesAnotherUser } from '../message/foreign-user.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import type { PendingSend } from './pending-send.js';
import type { SendFailures } from './send-failures.js';

/** Who the messages go to, and as whom. */
export interface SendPeer {
  readonly profile: PeerProfile | undefined;
  /** The login's name; `undefined`: not known, or messages may name others. */
  readonly user: string | undefined;
}

/** Answers why the message cannot be sent to this peer, or within its transaction. */
export function completeSend(pending: PendingSend, peer: SendPeer, failures: SendFailures): SendError | undefined {
  const { unfinished, transaction, message } = pending;
  const { profile } = peer;
  if (transaction !== undefined && !transaction.mayWrite) return failures.inTransaction(pending);
  if (unfinished === undefined || profile === undefined) return undefined;
  pending.unfinished = undefined;
  const wrong = whatEndsTheSession(message, profile, peer.user);
  if (wrong !== undefined) return failures.encode(new TypeError(wrong));
  if (message.deliveryAnnotations !== undefined && !profile.deliveryAnnotations)
    return failures.notSupported(pending, `takes no delivery annotations (profile '${profile.name}')`);
  if (pending.messageFormat === BATCH_FORMAT && profile.batches !== 'whole')
    return failures.notSupported(
      pending,
      `takes no batch message: it ${profile.batches.lost} (profile '${profile.name}'). sendBatch() sends each by itself`,
    );
  if (unfinished.address && message.properties?.to !== undefined)
    message.properties = { ...message.properties, to: wireAddress(message.properties.to, profile) };
  if (unfinished.delayMs === undefined) return undefined;
  if (profile.delay === undefined)
    return failures.notSupported(pending, `cannot delay messages (profile '${profile.name}')`);
  message.messageAnnotations = { ...message.messageAnnotations, ...delayAnnotation(unfinished.delayMs, profile) };
  return undefined;
}

/** As this peer reads it; nothing where it has no delays. */
export function delayAnnotation(delayMs: number, profile: PeerProfile | undefined): Record<string, unknown> {
  if (profile?.delay === undefined) return {};
  const { annotation, as } = profile.delay;
  return { [annotation]: as === 'time' ? new Date(Date.now() + delayMs) : delayMs };
}

/** One such message would take the link away from all others. */
function whatEndsTheSession(message: AmqpMessage, profile: PeerProfile, user: string | undefined): string | undefined {
  const { annotationPrefix, name } = profile;
  if (annotationPrefix !== undefined)
    for (const section of ['messageAnnotations', 'deliveryAnnotations'] as const)
      for (const key in message[section])
        if (!key.startsWith(annotationPrefix))
          return `the key '${key}' of ${section} must start with '${annotationPrefix}' (profile '${name}')`;
  if (!namesAnotherUser(message, { profile, user })) return undefined;
  return `userId must be the name that this connection logged in with (profile '${name}'), unless the send client's impersonate says otherwise`;
}
