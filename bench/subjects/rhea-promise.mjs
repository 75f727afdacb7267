// rhea-promise: AwaitableSender and Receiver.

import rheaPromise from 'rhea-promise';
import { messageOf, valueOf } from './rhea.mjs';

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function connect(port) {
  const options = { host: '127.0.0.1', port, username: 'anonymous', reconnect: false, tcp_no_delay: true };
  const connection = new rheaPromise.Connection(options);
  await connection.open();
  return connection;
}

export async function sender({ port, window, rich }) {
  const connection = await connect(port);
  const link = await connection.createAwaitableSender({ target: { address: 'sink' } });
  while (!link.sendable()) await turn();
  const sendOne = async (value) => {
    for (;;) {
      if (link.sendable()) return link.send(messageOf(value, rich));
      await turn();
    }
  };
  return {
    sendOne,
    sendAll: async (make, from, to) => {
      let next = from;
      const run = async () => {
        while (next < to) {
          next += 1;
          await sendOne(make(next - 1));
        }
      };
      await Promise.all(Array.from({ length: window }, run));
    },
    close: () => connection.close(),
  };
}

export async function receiver({ port, address, prefetch, kind }, onValue) {
  const connection = await connect(port);
  await connection.createReceiver({
    source: { address },
    credit_window: prefetch,
    autoaccept: false,
    onError: (context) => {
      throw context.receiver.error;
    },
    onMessage: ({ message, delivery }) => {
      const value = valueOf(message);
      if (kind === 'receive-async') {
        setImmediate(() => {
          delivery.accept();
          onValue(value);
        });
      } else {
        delivery.accept();
        onValue(value);
      }
    },
  });
  return { close: () => connection.close() };
}
