// rhea as its README uses it, with what its users learn later: no Nagle, a manual accept, a window that does not starve.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import rhea from 'rhea';
import { RICH } from '../bodies.mjs';

function connect(port) {
  const connection = rhea
    .create_container()
    .connect({ host: '127.0.0.1', port, username: 'anonymous', reconnect: false, tcp_no_delay: true });
  for (const event of ['connection_error', 'session_error', 'disconnected', 'protocol_error', 'rejected']) {
    connection.on(event, ({ error }) => {
      throw error ?? new Error(event);
    });
  }
  return connection;
}

/** The message that our client makes of the same value. */
export function messageOf(value, rich) {
  const message = {
    durable: true,
    message_id: randomUUID(),
    content_type: 'application/json',
    body: rhea.message.data_section(Buffer.from(JSON.stringify(value))),
  };
  if (!rich) return message;
  message.correlation_id = RICH.correlationId;
  message.subject = RICH.subject;
  message.application_properties = RICH.applicationProperties;
  return message;
}

/** The value of a received message. */
export const valueOf = ({ body }) => JSON.parse((body.content ?? body).toString());

function closing(connection) {
  return async () => {
    connection.removeAllListeners('disconnected');
    const closed = once(connection, 'connection_close');
    connection.close();
    await closed;
  };
}

export async function sender({ port, window, rich }) {
  const connection = connect(port);
  const link = connection.open_sender({ target: { address: 'sink' } });
  await once(link, 'sendable');
  let onAccepted;
  link.on('accepted', () => onAccepted());
  return {
    sendAll: (make, from, to) =>
      new Promise((resolve) => {
        let next = from;
        let open = 0;
        const send = () => {
          link.send(messageOf(make(next), rich));
          next += 1;
          open += 1;
        };
        onAccepted = () => {
          open -= 1;
          if (next < to) send();
          else if (open === 0) resolve();
        };
        for (let left = Math.min(window, to - from); left > 0; left -= 1) send();
      }),
    sendOne: (value) =>
      new Promise((resolve) => {
        onAccepted = resolve;
        link.send(messageOf(value, rich));
      }),
    close: closing(connection),
  };
}

export async function receiver({ port, address, prefetch, kind }, onValue) {
  const connection = connect(port);
  const link = connection.open_receiver({ source: { address }, credit_window: prefetch, autoaccept: false });
  link.on('message', ({ message, delivery }) => {
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
  });
  return { close: closing(connection) };
}
