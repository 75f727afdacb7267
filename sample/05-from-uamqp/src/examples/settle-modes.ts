import assert from 'node:assert/strict';
import type { ReceiveClient, ReceivedMessage } from 'nestjs-amqp10/client';
import type { Example } from '../example.js';

/** PeekLock and ReceiveAndDelete; and, of the sender, Unsettled, Settled and Mixed. */
export const settleModes: Example = {
  title: 'settle modes',
  uamqp: 'ReceiverSettleMode, SenderSettleMode',
  async run({ connection, queue }) {
    const name = await queue();
    const sender = connection.createSendClient(name, { settleMode: 'mixed' });
    const confirmed = await sender.send('confirmed');
    const written = await sender.send('only written', { settled: true });
    assert.deepEqual([confirmed.outcome?.kind, written.outcome], ['accepted', undefined]);

    // PeekLock: the peer keeps what is not settled, and gives it again.
    const peekLock = connection.createReceiveClient(name);
    const [first, second] = await take(peekLock, 2);
    assert.equal(first?.settled, false);
    await first?.release();
    await second?.accept();
    const [again] = await take(peekLock, 1);
    assert.equal(again?.body, first?.body);
    await again?.accept();
    await peekLock.close();

    // ReceiveAndDelete: it is gone as soon as it was sent to us, and there is nothing to settle.
    await sender.send('at most once');
    const receiveAndDelete = connection.createReceiveClient(name, { settlement: 'at-most-once' });
    const [last] = await take(receiveAndDelete, 1);
    assert.deepEqual([last?.body, last?.settled], ['at most once', true]);
    await receiveAndDelete.close();
    await sender.close();
    return 'released and came again; accepted and gone; pre-settled both ways';
  },
};

/** So many messages, however they come. */
async function take(client: ReceiveClient, count: number): Promise<ReceivedMessage[]> {
  const messages: ReceivedMessage[] = [];
  while (messages.length < count) {
    const more = await client.receiveBatch({ maxMessages: count - messages.length, waitMs: 10_000 });
    if (more.length === 0) break;
    messages.push(...more);
  }
  assert.equal(messages.length, count);
  return messages;
}
