// A message leaving the broker: a queue's consumer over one link.

import type { PeerError, PeerReceives, ServerSender, Terminus } from '../../protocol/acceptor/index.js';
import { SizeFailure } from '../../protocol/acceptor/index.js';
import type { QueuedMessage } from '../message/queued-message.js';
import type { QueueConsumer } from '../queue/dispatcher.js';
import type { Queue } from '../queue/queue.js';
import type { BrokerConnection } from './broker-connection.js';
import { BrowseTransfer, DeliveryTransfer } from './delivery-transfer.js';

export interface ConsumerLinkOptions {
  readonly request: PeerReceives;
  readonly connection: BrokerConnection;
  readonly queue: Queue;
  /** What is answered to the attach. */
  readonly source: Terminus;
  readonly wants: QueueConsumer['wants'];
  readonly now: () => number;
  /** However the link ended. */
  readonly onClosed: () => void;
}

export class ConsumerLink implements QueueConsumer {
  readonly browses: boolean;
  readonly wants: QueueConsumer['wants'];
  readonly #presettled: boolean;
  readonly #sender: ServerSender;
  /** The link had credit and yet no room; `onSendable` follows. */
  #isBlocked = false;
  #isClosed = false;

  /** Accepts the attach and takes part in the queue from then on. */
  constructor(private readonly options: ConsumerLinkOptions) {
    const { request, queue, source } = options;
    this.browses = source.distributionMode === 'copy';
    this.wants = options.wants;
    this.#presettled = request.settleMode === 'settled';
    this.#sender = request.accept({
      source,
      onSendable: () => {
        this.#isBlocked = false;
        queue.dispatch();
      },
      onDrain: () => {
        this.#isBlocked = false;
        queue.dispatch();
      },
      onClosed: () => this.#ended(),
    });
    queue.addConsumer(this);
  }

  get canTake(): boolean {
    return !this.#isClosed && !this.#isBlocked && this.#sender.credit > 0;
  }

  deliver(message: QueuedMessage): boolean {
    const { queue, connection, now } = this.options;
    const encoded = message.encode(now());
    const transfer = this.browses
      ? new BrowseTransfer(encoded, message.content.messageFormat, this.#presettled)
      : new DeliveryTransfer(queue, message, connection.transactions, encoded, this.#presettled);
    try {
      const isTaken = this.#sender.send(transfer);
      if (!isTaken) this.#isBlocked = true;
      return isTaken;
    } catch (error) {
      if (!(error instanceof SizeFailure)) throw error;
      this.detach({ condition: 'amqp:link:message-size-exceeded', description: error.message });
      return false;
    }
  }

  detach(error: PeerError): void {
    if (this.#isClosed) return;
    this.#ended();
    this.#sender.close(error);
  }

  dropConnection(): void {
    this.#ended();
    this.options.connection.destroy();
  }

  #ended(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.options.queue.removeConsumer(this);
    this.options.onClosed();
  }
}
