// A foreign client for the broker's tests: plain rhea, its events as promises.

import { once } from 'node:events';
import rhea from 'rhea';

export type RheaConnection = rhea.Connection;
export type RheaEvent = rhea.EventContext;

export interface RheaOptions {
  readonly username?: string;
  readonly password?: string;
  readonly maxFrameSize?: number;
}

/** Connects without rhea's own reconnecting, credit and acceptance. */
export async function rheaConnect(port: number, options: RheaOptions = {}): Promise<RheaConnection> {
  const container = rhea.create_container();
  container.on('error', () => undefined);
  const connection = container.connect({
    host: '127.0.0.1',
    port,
    reconnect: false,
    username: 'anonymous',
    tcp_no_delay: true,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.maxFrameSize === undefined ? {} : { max_frame_size: options.maxFrameSize }),
  } as rhea.ConnectionOptions);
  // rhea throws what nobody listens to.
  for (const event of [
    'error',
    'protocol_error',
    'connection_error',
    'session_error',
    'sender_error',
    'receiver_error',
  ])
    connection.on(event, () => undefined);
  await Promise.race([
    once(connection, 'connection_open'),
    once(connection, 'disconnected').then(([context]) => {
      // True: rhea's events have one argument.
      throw (context as RheaEvent).error ?? new Error('disconnected');
    }),
    once(connection, 'connection_error').then(() => {
      throw new Error('connection error');
    }),
  ]);
  return connection;
}

/** Resolves when the TCP connection is gone. */
export async function rheaClose(connection: RheaConnection): Promise<void> {
  if (!connection.is_open()) return;
  const closed = once(connection, 'connection_close');
  connection.close();
  await closed;
}

/** An attached sender that has credit. */
export async function rheaSender(
  connection: RheaConnection,
  target: rhea.SenderOptions | string,
): Promise<rhea.Sender> {
  const sender = connection.open_sender(target);
  await once(sender, 'sendable');
  return sender;
}

/** Sends and resolves to the outcome's name: `accepted`, `released`, `rejected`, `modified`. */
export async function rheaSend(
  sender: rhea.Sender,
  message: rhea.Message,
): Promise<{ outcome: string; error: { condition?: string; description?: string } | undefined }> {
  const delivery = sender.send(message);
  return await new Promise((resolve) => {
    const listen = (outcome: string): void => {
      const listener = (context: RheaEvent): void => {
        if (context.delivery !== delivery) return;
        sender.removeListener(outcome, listener);
        const state = context.delivery?.remote_state as
          { error?: { condition?: string; description?: string } } | undefined;
        resolve({ outcome, error: state?.error });
      };
      sender.on(outcome, listener);
    };
    for (const outcome of ['accepted', 'released', 'rejected', 'modified']) listen(outcome);
  });
}

/** A receiver that takes nothing by itself: credit and outcomes are the test's. */
export function rheaReceiver(connection: RheaConnection, source: rhea.ReceiverOptions | string): RheaInbox {
  const options = typeof source === 'string' ? { source } : source;
  return new RheaInbox(
    connection.open_receiver({ ...options, credit_window: 0, autoaccept: false, autosettle: false }),
  );
}

export class RheaInbox {
  readonly #arrived: RheaEvent[] = [];
  readonly #waiting: ((event: RheaEvent) => void)[] = [];

  constructor(readonly receiver: rhea.Receiver) {
    receiver.on('message', (event: RheaEvent) => {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) this.#arrived.push(event);
      else waiter(event);
    });
  }

  get unread(): number {
    return this.#arrived.length;
  }

  async opened(): Promise<this> {
    if (!this.receiver.is_open()) await once(this.receiver, 'receiver_open');
    return this;
  }

  credit(count: number): void {
    this.receiver.add_credit(count);
  }

  /** The next message, in order. */
  async next(): Promise<RheaEvent> {
    return this.#arrived.shift() ?? (await new Promise((resolve) => this.#waiting.push(resolve)));
  }

  /** Messages until the credit is used or the broker says that there are no more. */
  async drained(): Promise<void> {
    const drained = once(this.receiver, 'receiver_drained');
    this.receiver.drain_credit();
    await drained;
  }
}
