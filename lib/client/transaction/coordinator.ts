// The connection's link to the peer's transaction coordinator, attached with the first transaction and kept.

import { randomUUID } from 'node:crypto';
import { AmqpError, type CoordinatorLink, type ProtocolSession } from '../../protocol/index.js';
import { raceSignal } from '../deadline.js';
import { TransactionError } from '../errors.js';
import type { LinkOwner, LinkSupervisor, SupervisedLink } from '../link/link-owner.js';
import type { PeerProfile } from '../profile/peer-profile.js';

const NOT_IMPLEMENTED: ReadonlySet<string | undefined> = new Set(['amqp:not-implemented', 'amqp:not-allowed']);

export class Coordinator implements LinkOwner<CoordinatorLink> {
  readonly address = 'the transaction coordinator';
  readonly role = 'transaction';
  readonly session = 'transactional';
  #link: CoordinatorLink | undefined = undefined;
  #supervised: SupervisedLink | undefined = undefined;

  /** @param onLost every transaction of that link is over */
  constructor(
    private readonly links: LinkSupervisor,
    private readonly onLost: (link: CoordinatorLink, error: AmqpError) => void,
  ) {}

  /**
   * The link, attached now if it is not.
   *
   * @throws TransactionError (unsupported), LinkError, ConnectionError, the signal's reason
   */
  async ready(signal: AbortSignal): Promise<CoordinatorLink> {
    this.#supervised ??= this.links.supervise(this);
    const supervised = this.#supervised;
    try {
      await raceSignal(supervised.ready(signal), signal);
    } catch (error) {
      const refusal = error instanceof AmqpError && NOT_IMPLEMENTED.has(error.condition) ? refusedBy(error) : error;
      // A peer that has none is as it should be.
      if (refusal instanceof TransactionError) this.links.dismiss(this);
      throw refusal;
    }
    if (this.#link === undefined)
      throw AmqpError.inOwnWords(new AmqpError('detached', 'the link to the coordinator was lost again'));
    return this.#link;
  }

  attach(session: ProtocolSession, profile: PeerProfile, signal: AbortSignal): Promise<CoordinatorLink> {
    assertTransactions(profile);
    const supervised = this.#supervised;
    return session.attachCoordinator({
      name: `coordinator-${randomUUID()}`,
      capabilities: ['amqp:local-transactions'],
      signal,
      onClosed: (error) => supervised?.closed(error),
    });
  }

  attached(link: CoordinatorLink): void {
    this.#link = link;
  }

  lost(error: AmqpError): void {
    this.#over(error);
  }

  failed(error: AmqpError): void {
    this.#supervised = undefined;
    this.#over(error);
  }

  /** Detaches, which rolls back what was not discharged; the next transaction attaches anew. Never rejects. */
  async release(timeoutMs: number, error: AmqpError): Promise<void> {
    const supervised = this.#supervised;
    const link = this.#link;
    this.#supervised = undefined;
    this.links.dismiss(this);
    this.#over(error);
    await link?.detach({ timeoutMs });
    await supervised?.release();
  }

  #over(error: AmqpError): void {
    const link = this.#link;
    this.#link = undefined;
    if (link !== undefined) this.onLost(link, error);
  }
}

/** @throws TransactionError when this peer is known to have none */
export function assertTransactions(profile: PeerProfile): void {
  if (profile.transactions) return;
  throw AmqpError.inOwnWords(
    new TransactionError('unsupported', `a peer of the profile '${profile.name}' has no transactions`),
  );
}

function refusedBy(error: AmqpError): TransactionError {
  const { condition } = error;
  return AmqpError.inWordsOf(
    error,
    new TransactionError('unsupported', `the peer has no transactions: ${error.message}`, {
      condition,
      cause: error,
    }),
  );
}
