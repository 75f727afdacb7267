// Senders and consumers of one queue, each on a connection of its own, whose books are kept while faults come.

import type { AmqpConnection, ReceivedMessage, Source, Subscription, Target } from '../../../lib/client/index.js';
import type { SeededRandom } from '../../fuzz/seeded-random.js';
import { Accounts, bodyOf } from './accounts.js';
import { sleep } from './network-faults.js';

const SENDERS = 4;
const CONSUMERS = 4;
export const PREFETCH = 20;
const IN_FLIGHT = 10;

export interface TrafficOptions {
  readonly queue: Source & Target & string;
  readonly random: SeededRandom;
  /** An open connection. */
  readonly connect: () => Promise<AmqpConnection>;
}

export class Traffic {
  readonly accounts = new Accounts();
  readonly consumers: { readonly connection: AmqpConnection; readonly subscription: Subscription }[] = [];
  /** Most deliveries that one consumer had in hand. */
  mostInHand = 0;
  private isOver = false;
  private readonly senders: Promise<unknown>[] = [];

  private constructor(private readonly options: TrafficOptions) {}

  static async start(options: TrafficOptions): Promise<Traffic> {
    const traffic = new Traffic(options);
    for (let index = 0; index < CONSUMERS; index += 1) await traffic.consume();
    for (let index = 0; index < SENDERS; index += 1) traffic.senders.push(traffic.send(index));
    return traffic;
  }

  /** No send is begun any more. */
  stop(): void {
    this.isOver = true;
  }

  /** Resolves when all that was sent has been told its end. */
  async stopped(): Promise<void> {
    await Promise.all(this.senders);
  }

  private async consume(): Promise<void> {
    const { connect, queue, random } = this.options;
    const handle = async (message: ReceivedMessage): Promise<void> => {
      const id = this.accounts.begin(message);
      this.mostInHand = Math.max(this.mostInHand, subscription.inHand);
      await sleep(random.below(4));
      this.accounts.end(id);
    };
    const connection = await connect();
    const client = connection.createReceiveClient(queue);
    const subscription = client.subscribe(handle, { concurrency: 5, prefetch: PREFETCH });
    this.consumers.push({ connection, subscription });
  }

  /** Half of the senders send again what was in flight, half are told that nobody knows. */
  private async send(index: number): Promise<void> {
    const { connect, queue, random } = this.options;
    const mode = index % 2 === 0 ? ('retry' as const) : ('fail' as const);
    const connection = await connect();
    const client = connection.createSendClient(queue, { onConnectionLost: mode, sendTimeoutMs: 20_000 });
    let next = 0;
    const worker = async (): Promise<void> => {
      while (!this.isOver) {
        const id = `s${index}-${next}`;
        next += 1;
        const sending = client.send(bodyOf(id), { messageId: id });
        this.accounts.follow(id, sending);
        await sending.catch(() => undefined); // the accounts know
        await sleep(random.below(3));
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  }
}
