import type { QueuedMessage } from '../../../../lib/broker/message/queued-message.js';
import type { QueueConsumer } from '../../../../lib/broker/queue/dispatcher.js';
import type { Queue } from '../../../../lib/broker/queue/queue.js';
import type { PeerError } from '../../../../lib/protocol/acceptor/index.js';

/** A consumer with credit and a list of what it got. */
export class FakeConsumer implements QueueConsumer {
  readonly got: QueuedMessage[] = [];
  detachedWith: PeerError | undefined;
  isDropped = false;
  credit: number;
  /** `deliver` answers false, as without room in the socket. */
  isBlocked = false;
  readonly browses: boolean;
  readonly wants: QueueConsumer['wants'];

  constructor(
    private readonly queue: Queue,
    options: { readonly credit?: number; readonly browses?: boolean; readonly wants?: QueueConsumer['wants'] } = {},
  ) {
    this.credit = options.credit ?? 0;
    this.browses = options.browses ?? false;
    this.wants = options.wants;
    queue.addConsumer(this);
    queue.dispatch();
  }

  get canTake(): boolean {
    return this.credit > 0;
  }

  get bodies(): unknown[] {
    return this.got.map((message) => message.content.decode().body);
  }

  deliver(message: QueuedMessage): boolean {
    if (this.isBlocked) {
      // As a link does: it is asked again when it says that it can.
      this.credit = 0;
      return false;
    }
    this.credit -= 1;
    this.got.push(message);
    return true;
  }

  addCredit(credit: number): void {
    this.credit += credit;
    this.queue.dispatch();
  }

  detach(error: PeerError): void {
    this.detachedWith = error;
    this.queue.removeConsumer(this);
  }

  dropConnection(): void {
    this.isDropped = true;
    this.queue.removeConsumer(this);
  }

  /** The message of the n-th delivery. */
  nth(index: number): QueuedMessage {
    const message = this.got[index];
    if (message === undefined) throw new Error(`there was no delivery ${index}`);
    return message;
  }
}
