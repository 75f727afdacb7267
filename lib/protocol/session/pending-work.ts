// What waits for the end of a tick or turn on one connection: settlements, credit, windows, and messages that are done when written.

import type { AmqpError } from '../errors.js';
import type { Writer } from '../socket/writer.js';
import { rethrowLater } from './callback.js';
import type { PlaneReceiver } from './receiver.js';
import type { PlaneSession } from './session.js';
import { failTransfer, type PlaneTransfer } from './transfer.js';

export class PendingWork {
  private receivers: PlaneReceiver[] = [];
  private dueFlows: PlaneSession[] = [];
  private unwritten: PlaneSession[] = [];
  private presettled: PlaneTransfer[] = [];
  private handedOver: PlaneTransfer[] = [];

  constructor(private readonly writer: Writer) {}

  /** Settlements and credit of this link go out at the end of the turn. */
  touch(receiver: PlaneReceiver): void {
    if (receiver.isTouched) return;
    receiver.isTouched = true;
    this.receivers.push(receiver);
    this.writer.scheduleLate();
  }

  /** The session owes its peer a flow with a new window. */
  oweFlow(session: PlaneSession): void {
    this.dueFlows.push(session);
    this.writer.scheduleLate();
  }

  /** A transfer of this session stands in the writer. */
  addUnwritten(session: PlaneSession): void {
    this.unwritten.push(session);
  }

  /** To be told when it was handed to the stream. */
  addPresettled(transfer: PlaneTransfer): void {
    this.presettled.push(transfer);
  }

  /** Into the writer: dispositions first, since they make room, then credit and windows. */
  write(): void {
    if (this.receivers.length > 0) {
      const { receivers } = this;
      this.receivers = [];
      for (const receiver of receivers) receiver.session.writeSettlements();
      for (const receiver of receivers) receiver.topUp();
    }
    if (this.dueFlows.length > 0) {
      const sessions = this.dueFlows;
      this.dueFlows = [];
      for (const session of sessions) session.writeDueFlow();
    }
  }

  /** The writer hands over all that stands in it: what comes from here on belongs to the next time. */
  prepare(): void {
    this.write();
    if (this.unwritten.length > 0) {
      const sessions = this.unwritten;
      this.unwritten = [];
      for (const session of sessions) session.noteWritten();
    }
    if (this.presettled.length > 0) {
      this.handedOver = this.handedOver.length === 0 ? this.presettled : [...this.handedOver, ...this.presettled];
      this.presettled = [];
    }
  }

  /** It was handed over. */
  settleWritten(): void {
    if (this.handedOver.length === 0) return;
    const transfers = this.handedOver;
    this.handedOver = [];
    for (const transfer of transfers) {
      try {
        transfer.settled(undefined);
      } catch (error) {
        rethrowLater(error);
      }
    }
  }

  /** Nothing more will be written. */
  fail(error: AmqpError): void {
    const written = this.handedOver;
    const unwritten = this.presettled;
    this.handedOver = [];
    this.presettled = [];
    for (const transfer of written) failTransfer(transfer, error, true);
    for (const transfer of unwritten) failTransfer(transfer, error, false);
  }
}
