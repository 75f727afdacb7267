// Takes a token from its source to the peer's node, for each audience that has not got it.

import {
  AuthenticationError,
  type ProtocolConnection,
  type ProtocolSession,
  type Secrets,
} from '../../protocol/index.js';
import type { TokenSource } from '../credentials/token-source.js';
import { asError, raceSignal } from '../deadline.js';
import { ClaimsLink } from './claims-link.js';
import type { TokenWords } from './token-words.js';

const END_SESSION_MS = 1_000;

export interface PutterSurroundings {
  readonly source: TokenSource;
  /** For messages: the URI without user info. */
  readonly peerName: string;
  /** Is told each token before it goes out. */
  readonly secrets: Secrets;
  /** Milliseconds of the epoch. */
  readonly now: () => number;
}

export class TokenPutter {
  /** What it is put on. */
  protocol: ProtocolConnection | undefined;
  #held: { readonly session: ProtocolSession; readonly link: ClaimsLink } | undefined;
  /** Audience to the end of the token that the peer took for it. */
  readonly #taken = new Map<string, number>();

  constructor(
    private readonly surroundings: PutterSurroundings,
    private readonly words: TokenWords,
  ) {}

  /** What the peer took before may be gone there. */
  forget(): void {
    this.#taken.clear();
  }

  /** Resolves to the token's end. @throws AmqpError, whatever the source throws, or the signal's reason */
  async put(signal: AbortSignal): Promise<number> {
    const { source, secrets, now } = this.surroundings;
    const token = await raceSignal(source.get(), signal);
    secrets.add(token.token);
    if (token.expiresAt <= now()) throw this.words.givenTooLate(token.expiresAt);
    const without = source.audiences.filter((audience) => (this.#taken.get(audience) ?? 0) < token.expiresAt);
    if (without.length === 0) throw this.words.noNewer();
    const link = await this.#openLink(signal);
    const puts = await Promise.allSettled(
      without.map(async (audience) => {
        await link.put({ ...token, audience, type: source.type }, signal);
        this.#taken.set(audience, token.expiresAt);
      }),
    );
    const failed = puts.find((put) => put.status === 'rejected');
    if (failed !== undefined) throw asError(failed.reason);
    return token.expiresAt;
  }

  /** On a session of its own; again where the peer ended it. */
  async #openLink(signal: AbortSignal): Promise<ClaimsLink> {
    if (this.#held?.link.isOpen === true) return this.#held.link;
    const { protocol } = this;
    if (protocol === undefined) throw new AuthenticationError('there is no connection to put a token on', undefined);
    const old = this.#held?.session;
    this.#held = undefined;
    if (old?.isOpen === true) await old.end({ timeoutMs: END_SESSION_MS });
    const session = await protocol.beginSession({ signal });
    const { peerName, source, secrets } = this.surroundings;
    try {
      const link = await ClaimsLink.attach(session, { peerName, node: source.node, secrets }, signal);
      this.#held = { session, link };
      return link;
    } catch (error) {
      if (session.isOpen) void session.end({ timeoutMs: END_SESSION_MS });
      throw error;
    }
  }
}
