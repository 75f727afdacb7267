import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import {
  rheaClose,
  rheaConnect,
  rheaReceiver,
  rheaSend,
  rheaSender,
  type RheaConnection,
} from './support/rhea-client.js';

describe('the embedded broker and rhea', () => {
  let broker: EmbeddedBroker;
  let connection: RheaConnection;

  beforeEach(async () => {
    broker = await EmbeddedBroker.start({ queues: ['orders'] });
    connection = await rheaConnect(broker.port ?? 0);
  });

  afterEach(async () => {
    await rheaClose(connection);
    await broker.stop();
  });

  it('stores what is sent and delivers it byte for byte', async () => {
    const sender = await rheaSender(connection, 'orders');
    const sent = await rheaSend(sender, { body: 'hello', message_id: 'm1', application_properties: { a: 1 } });
    expect(sent.outcome).toBe('accepted');
    expect(broker.queue('orders').stats()).toMatchObject({ ready: 1, enqueued: 1 });
    const inbox = rheaReceiver(connection, 'orders');
    inbox.credit(1);
    const { message, delivery } = await inbox.next();
    expect(message).toMatchObject({ body: 'hello', message_id: 'm1', application_properties: { a: 1 } });
    delivery?.accept();
    await broker.idle();
    expect(broker.queue('orders').stats()).toMatchObject({ ready: 0, unsettled: 0, accepted: 1 });
  });
});
