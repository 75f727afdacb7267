// A message arriving at the broker: from a link to its queues, and the answer.

import type {
  Outcome,
  PeerError,
  PeerSends,
  ReceiverLink,
  ServerDelivery,
  ServerLink,
  Terminus,
} from '../../protocol/acceptor/index.js';
import { ACCEPTED, DecodeError } from '../../protocol/acceptor/index.js';
import { BATCH_MESSAGE_FORMAT, splitBatch } from '../message/batch-message.js';
import { MessageContent } from '../message/message-content.js';
import { parseAddress } from '../nodes/address.js';
import type { Destination, Refused, Routed, Router } from '../nodes/router.js';
import type { Queue, QueueProducer } from '../queue/queue.js';
import type { BrokerConnection } from './broker-connection.js';

export interface ProducerLinkOptions {
  readonly request: PeerSends;
  readonly connection: BrokerConnection;
  /** `undefined`: each message says where it goes. */
  readonly destination: Destination | undefined;
  /** The queue that the link names, if it names one. */
  readonly queue: Queue | undefined;
  readonly target: Terminus;
  readonly router: Router;
  readonly credit: number;
  readonly maxMessageBytes: number;
  readonly autoCreateQueues: boolean;
  readonly onClosed: () => void;
}

export class ProducerLink implements QueueProducer {
  readonly #link: ReceiverLink & ServerLink;
  #isClosed = false;

  /** Accepts the attach and gives credit. */
  constructor(private readonly options: ProducerLinkOptions) {
    const { request, target, queue } = options;
    this.#link = request.accept({
      target,
      maxMessageSize: options.maxMessageBytes,
      onDelivery: (delivery, payload, start, end) => this.#receive(delivery, payload, start, end),
      onClosed: () => this.#ended(),
    });
    queue?.addProducer(this);
    this.creditChanged();
  }

  creditChanged(): void {
    if (this.#isClosed) return;
    this.#link.setPrefetch(this.options.queue?.withholdsCredit === true ? 0 : this.options.credit);
  }

  detach(error: PeerError): void {
    if (this.#isClosed) return;
    this.#ended();
    this.#link.close(error);
  }

  #receive(delivery: ServerDelivery, payload: Buffer, start: number, end: number): void {
    if (delivery.oversized) {
      const description = `the message is larger than ${this.options.maxMessageBytes} bytes`;
      this.#answer(delivery, { kind: 'rejected', condition: 'amqp:link:message-size-exceeded', description });
      return;
    }
    try {
      const content = MessageContent.copyOf(payload, start, end, delivery.messageFormat);
      const isBatch = delivery.messageFormat === BATCH_MESSAGE_FORMAT;
      this.#take(delivery, isBatch ? splitBatch(content) : [content]);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#answer(delivery, { kind: 'rejected', condition: 'amqp:decode-error', description: error.message });
    }
  }

  /** All of a batch or none. */
  #take(delivery: ServerDelivery, messages: readonly MessageContent[]): void {
    const routed: Routed[] = [];
    for (const content of messages) {
      const found = this.#route(content);
      if (found.kind !== 'routed') {
        this.#refuse(delivery, found);
        return;
      }
      routed.push(found);
    }
    const { transactionId } = delivery;
    const outcome =
      transactionId === undefined
        ? this.#store(routed)
        : this.options.connection.transactions.post(transactionId, routed);
    this.#answer(delivery, outcome);
  }

  #store(all: readonly Routed[]): Outcome {
    const { router } = this.options;
    // Room for one was looked for with its route.
    const obstacle = all.length === 1 ? undefined : router.obstacleTo(all);
    if (obstacle !== undefined)
      return { kind: 'rejected', condition: 'amqp:resource-limit-exceeded', description: obstacle };
    for (const each of all) router.store(each);
    return ACCEPTED;
  }

  #route(content: MessageContent): Routed | Refused {
    const { destination, router, autoCreateQueues } = this.options;
    if (destination !== undefined) return router.route(destination, content);
    const { to } = content;
    if (to === undefined) return rejected('amqp:precondition-failed', 'the message has no `to` and the link no target');
    const address = parseAddress(to, autoCreateQueues);
    if (address.kind === 'queue' || address.kind === 'exchange') return router.route(address, content);
    return rejected(
      'amqp:not-found',
      address.kind === 'unknown' ? address.reason : `no messages can be sent to "${to}"`,
    );
  }

  #refuse(delivery: ServerDelivery, refused: Refused): void {
    switch (refused.kind) {
      case 'outcome':
        this.#answer(delivery, refused.outcome);
        return;
      case 'detach':
        this.detach(refused.error);
        return;
      case 'drop-connection':
        this.options.connection.destroy();
        return;
    }
  }

  #answer(delivery: ServerDelivery, outcome: Outcome): void {
    if (delivery.presettled) delivery.done();
    else delivery.settle(outcome, delivery.transactionId);
  }

  #ended(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.options.queue?.removeProducer(this);
    this.options.onClosed();
  }
}

function rejected(condition: string, description: string): Refused {
  return { kind: 'outcome', outcome: { kind: 'rejected', condition, description } };
}
