import type { AmqpMessage, Observer, Outcome, ReceivedMessage, SendResult } from '../client/index.js';
import { readable, recordedMessage, type RecordedMessage } from './recorded-message.js';

interface Sent {
  readonly message: RecordedMessage;
  result?: SendResult;
}

/** Listens to every connection of the application under test and keeps what passed, by address, in order. */
export class Recorder implements Observer {
  private readonly sentByAddress = new Map<string, Sent[]>();
  private readonly receivedByAddress = new Map<string, ReceivedMessage[]>();
  private readonly settledByAddress = new Map<string, RecordedMessage[]>();

  onSend({ address, message }: { readonly address: string; readonly message: AmqpMessage }): { readonly token: Sent } {
    const sent: Sent = { message: readable(recordedMessage(message, 0)) };
    listOf(this.sentByAddress, address).push(sent);
    return { token: sent };
  }

  onSent(token: unknown, result: SendResult): void {
    (token as Sent).result = result; // true: the token that onSend gave
  }

  onDelivery({ address, message }: { readonly address: string; readonly message: ReceivedMessage }): void {
    listOf(this.receivedByAddress, address).push(message);
  }

  onSettle(event: { readonly address: string; readonly outcome: Outcome; readonly message: ReceivedMessage }): void {
    const { address, outcome, message } = event;
    listOf(this.settledByAddress, address).push(recordedMessage(message, message.deliveryCount, outcome));
  }

  sent(address: string): RecordedMessage[] {
    return listOf(this.sentByAddress, address).map(({ message, result }) => {
      const outcome = result?.ok === true ? result.outcome : result?.error.outcome;
      return outcome === undefined ? message : { ...message, outcome };
    });
  }

  received(address: string): RecordedMessage[] {
    return listOf(this.receivedByAddress, address).map((message) =>
      recordedMessage(message, message.deliveryCount, message.outcome),
    );
  }

  settled(address: string): RecordedMessage[] {
    return [...listOf(this.settledByAddress, address)];
  }
}

function listOf<Entry>(lists: Map<string, Entry[]>, address: string): Entry[] {
  const list = lists.get(address) ?? [];
  lists.set(address, list);
  return list;
}
