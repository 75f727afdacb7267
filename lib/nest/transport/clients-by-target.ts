import type { Target } from '../../client/index.js';

/** So many are kept; the ones not used for longest and idle give way. */
const MOST_CLIENTS = 64;

interface Kept {
  close(options: { readonly timeoutMs: number }): Promise<void>;
}

/** One client for each target that messages go to. */
export class ClientsByTarget<Client extends Kept> {
  /** The last one was used last. */
  private readonly clients = new Map<string, Client>();
  private last: { readonly target: Target; readonly client: Client } | undefined;

  constructor(
    private readonly make: (target: Target) => Client,
    private readonly isIdle: (client: Client) => boolean,
  ) {}

  all(): Client[] {
    return [...this.clients.values()];
  }

  of(target: Target): Client {
    if (this.last?.target === target) return this.last.client;
    const { clients } = this;
    const key = JSON.stringify(target);
    const client = clients.get(key) ?? this.make(target);
    clients.delete(key);
    clients.set(key, client);
    this.last = { target, client };
    if (clients.size > MOST_CLIENTS) this.dropOldest(client);
    return client;
  }

  private dropOldest(newest: Client): void {
    const oldest = [...this.clients].find(([, candidate]) => candidate !== newest && this.isIdle(candidate));
    if (oldest === undefined) return;
    this.clients.delete(oldest[0]);
    oldest[1].close({ timeoutMs: 1_000 }).catch(() => undefined); // nothing was pending
  }
}
