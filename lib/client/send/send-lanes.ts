// The ways a client's messages leave: its link, and one beside the transaction coordinator for what is sent within transactions.

import type { Target } from '../address/address.js';
import { describeTarget } from '../address/terminus.js';
import type { MessagingContext } from '../messaging-context.js';
import type { Transaction } from '../transaction/transaction.js';
import { pendingMessages, type PendingMessage } from './pending-message.js';
import type { PendingSend } from './pending-send.js';
import type { ResolvedSendClientOptions } from './send-client-options.js';
import type { SendFailures } from './send-failures.js';
import { SendRoom } from './send-room.js';
import { Sender } from './sender.js';

/** Each has the bounds of the client's options for itself. */
export interface SendLane {
  readonly room: SendRoom;
  readonly sender: Sender;
}

export class SendLanes {
  readonly main: SendLane;
  #transactional: SendLane | undefined = undefined;

  constructor(
    private readonly parts: {
      readonly target: Target;
      readonly options: ResolvedSendClientOptions;
      readonly failures: SendFailures;
      readonly context: MessagingContext;
    },
  ) {
    this.main = this.#lane(parts.options);
  }

  of(transaction: Transaction | undefined): SendLane {
    return transaction === undefined ? this.main : this.transactional;
  }

  /** Made with the first transaction. Never pre-settled: the outcome says whether the message is part of it. */
  get transactional(): SendLane {
    if (this.#transactional !== undefined) return this.#transactional;
    this.#transactional = this.#lane({
      ...this.parts.options,
      settleMode: 'unsettled',
      session: 'transactional',
    });
    if (this.main.sender.isClosed) void this.#transactional.sender.close(0);
    return this.#transactional;
  }

  get all(): readonly SendLane[] {
    return this.#transactional === undefined ? [this.main] : [this.main, this.#transactional];
  }

  get held(): readonly PendingSend[] {
    const held = this.all.flatMap(({ sender }) => sender.held.snapshot());
    return held.toSorted((a, b) => a.sequence - b.sequence);
  }

  get pending(): readonly PendingMessage[] {
    return pendingMessages(this.all.map(({ sender }) => sender.lists));
  }

  #lane(options: ResolvedSendClientOptions): SendLane {
    const room = new SendRoom(describeTarget(this.parts.target), options);
    return { room, sender: new Sender({ ...this.parts, options, room }) };
  }
}
