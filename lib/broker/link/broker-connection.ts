// What the broker keeps for one connection.

import type { AcceptedConnection, PeerError } from '../../protocol/acceptor/index.js';
import type { Router } from '../nodes/router.js';
import { ReplyLinks } from '../service/reply-links.js';
import { TokenTable } from '../service/token-table.js';
import { Transactions } from '../transaction/transactions.js';

/** A link of this connection that the broker may end. */
export interface OwnedLink {
  detach(error: PeerError): void;
}

export class BrokerConnection {
  readonly transactions: Transactions;
  readonly replies = new ReplyLinks();
  readonly tokens = new TokenTable();
  readonly #links = new Set<OwnedLink>();
  #linkCount = 0;

  constructor(
    readonly accepted: AcceptedConnection,
    router: Router,
  ) {
    this.transactions = new Transactions(router);
  }

  get linkCount(): number {
    return this.#linkCount;
  }

  /** Before its attach is answered, so that answers under way count. */
  linkOpened(): void {
    this.#linkCount += 1;
  }

  linkClosed(link: OwnedLink | undefined): void {
    this.#linkCount -= 1;
    if (link !== undefined) this.#links.delete(link);
  }

  /** A link that depends on a token. */
  addLink(link: OwnedLink): void {
    this.#links.add(link);
  }

  /** The last token has expired. */
  detachAll(error: PeerError): void {
    for (const link of this.#links) link.detach(error);
  }

  /** As a crash would. */
  destroy(): void {
    this.accepted.destroy();
  }
}
