// One message, one connection: for scripts. A program that sends or receives more than once keeps an AmqpConnection.

import type { Source, Target } from './address/address.js';
import { AmqpConnection } from './amqp-connection.js';
import type { ReceivedMessage } from './message/received-message.js';
import type { SendOptions } from './message/send-options.js';
import { checkMs, checkObject, checkWhole } from './options/check.js';
import type { ConnectionOptions } from './options/connection-options.js';
import type { SendSuccess } from './send/send-result.js';

/** What a connection is made of. */
type Peer = string | readonly string[] | ConnectionOptions;

/** How long to wait for messages, and for how many. */
export interface ReceiveOnceOptions {
  /** Range: 1 or more. @default 1 */
  readonly maxMessages?: number | undefined;
  /** Without a message that long, there is none. Unit: milliseconds. @default 30_000 */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects, sends one value, and closes. Resolves when the peer has it.
 *
 * Rejects ConnectionError, AuthenticationError, SendError, InvalidOptionsError.
 */
export async function sendMessage(
  peer: Peer,
  target: Target,
  value: unknown,
  options?: SendOptions,
): Promise<SendSuccess> {
  return connected(peer, options?.signal, (connection) => connection.createSendClient(target).send(value, options));
}

/** Connects, takes one message, accepts it and closes. `undefined`: none came in time. Rejects as {@link receiveMessages} does. */
export async function receiveMessage(
  peer: Peer,
  source: Source,
  options: Omit<ReceiveOnceOptions, 'maxMessages'> = {},
): Promise<ReceivedMessage | undefined> {
  const [message] = await receiveMessages(peer, source, { ...options, maxMessages: 1 });
  return message;
}

/**
 * Connects, takes what is there, at most `maxMessages`, accepts them and closes. No more than that many leave the queue.
 *
 * Rejects ConnectionError, AuthenticationError, LinkError, InvalidOptionsError, the signal's reason.
 */
export async function receiveMessages(
  peer: Peer,
  source: Source,
  options: ReceiveOnceOptions = {},
): Promise<ReceivedMessage[]> {
  const given = checkObject(options, '', ['maxMessages', 'waitMs', 'signal']);
  const maxMessages = checkWhole(given['maxMessages'], 'maxMessages', { min: 1, max: MOST, default: 1 });
  const waitMs = checkMs(given['waitMs'], 'waitMs', { default: 30_000 });
  const { signal } = options;
  return connected(peer, signal, async (connection) => {
    const client = connection.createReceiveClient(source, { prefetch: maxMessages });
    const messages = await client.receiveBatch({ maxMessages, waitMs, ...(signal && { signal }) });
    await Promise.all(messages.map((message) => message.accept()));
    return messages;
  });
}

/** What one connection may hold in hand without thinking about it. */
const MOST = 10_000;

async function connected<T>(
  peer: Peer,
  signal: AbortSignal | undefined,
  work: (connection: AmqpConnection) => Promise<T>,
): Promise<T> {
  const connection = new AmqpConnection(peer);
  try {
    await connection.open({ signal });
    return await work(connection);
  } finally {
    await connection.close();
  }
}
