import type { AmqpMessage } from '../../protocol/index.js';
import type { PeerProfile } from '../profile/peer-profile.js';

/** Who the connection logged in as, and at whom. `undefined`: not known. */
export interface Login {
  readonly profile: PeerProfile | undefined;
  readonly user?: string | undefined;
}

/** The message names a user of whom this peer takes it from nobody but that user. */
export function namesAnotherUser({ properties }: AmqpMessage, { profile, user }: Login): boolean {
  const userId = properties?.userId;
  return userId !== undefined && user !== undefined && profile?.userIdIsLogin === true && userId.toString() !== user;
}
