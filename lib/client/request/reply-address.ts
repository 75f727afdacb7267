// Where replies come to: what this peer can give a client for itself.

import { randomUUID } from 'node:crypto';
import { AmqpError, LinkError, type Terminus } from '../../protocol/index.js';
import { resolveSource, wireAddress } from '../address/terminus.js';
import type { ReplyQueueAccess } from '../client-context.js';
import type { PeerProfile } from '../profile/peer-profile.js';

/** RabbitMQ's name for a queue that lives as long as its one link and costs the broker next to nothing. */
const VOLATILE_QUEUE = 'rabbitmq:volatile-queue';

/** What the reply link attaches to. */
export interface ReplySource {
  readonly terminus: Terminus;
  /** As it stands in `reply-to`; `undefined`: the peer names it in its attach. */
  readonly address: string | undefined;
}

/**
 * Makes the node where the peer does not at the attach.
 *
 * @param replyTo a queue that the user has set up for this client
 * @throws LinkError, not retryable, when the peer has no means and there is no such queue
 */
export async function replySource(
  profile: PeerProfile,
  replyTo: string | undefined,
  queues: ReplyQueueAccess | undefined,
  signal: AbortSignal,
): Promise<ReplySource> {
  if (replyTo !== undefined) {
    const { terminus } = resolveSource(replyTo, profile);
    return { terminus, address: wireAddress(replyTo, profile) };
  }
  switch (profile.replies) {
    case 'dynamic':
      return { terminus: { dynamic: true }, address: undefined };
    case 'direct-reply-to': {
      const terminus: Terminus = {
        dynamic: true,
        durable: 'none',
        expiryPolicy: 'link-detach',
        capabilities: [VOLATILE_QUEUE],
      };
      return { terminus, address: undefined };
    }
    case 'exclusive-queue': {
      if (queues === undefined) throw noMeans(profile);
      // A new one for each link: the last one went with its connection, or with its only consumer.
      const name = `reply-${randomUUID()}`;
      await queues.declareExclusive(name, signal);
      const address = profile.queueAddress(name);
      return { terminus: { address }, address };
    }
    case 'configured':
      throw noMeans(profile);
  }
}

function noMeans({ name }: PeerProfile): LinkError {
  const message = `a peer of the profile '${name}' makes no reply address; set replyTo to a queue of this client alone`;
  return AmqpError.inOwnWords(new LinkError(message, 'replies', '', { retryable: false }));
}
