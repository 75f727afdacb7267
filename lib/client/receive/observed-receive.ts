import type { ReceivedMessage } from '../message/received-message.js';
import type { Receiver } from './receiver.js';

/**
 * Receives, and tells the observers what came or why nothing did.
 *
 * @param messagesOf what of the result is told
 */
export async function observed<T>(
  receiver: Receiver,
  receive: () => Promise<T>,
  messagesOf: (result: T) => readonly ReceivedMessage[],
): Promise<T> {
  const { observers, node } = receiver;
  const startedAt = performance.now();
  try {
    const result = await receive();
    observers.received({ address: receiver.address, node, messages: messagesOf(result), startedAt });
    return result;
  } catch (error) {
    const failure = { error };
    observers.received({ address: receiver.address, node, messages: [], startedAt, failure });
    throw error;
  }
}
