import { describe, expect, it } from '@jest/globals';
import type { ProfileName } from '../../../../lib/client/profile/peer-profile.js';
import { resolveReceiveClientOptions } from '../../../../lib/client/receive/receive-client-options.js';
import { ReceiveClient } from '../../../../lib/client/receive/receive-client.js';
import { fakeContext, settle } from '../../../support/client/fake-links.js';

describe('the delivery info', () => {
  it.each<[ProfileName, object, object]>([
    [
      'rabbitmq-4',
      { messageAnnotations: { 'x-exchange': 'events', 'x-routing-key': 'order.new' } },
      { exchange: 'events', routingKey: 'order.new', redelivered: false, deliveryCount: 0 },
    ],
    [
      'rabbitmq-4',
      { messageAnnotations: { 'x-exchange': '', 'x-routing-key': 'q', 'x-delivery-count': 1 } },
      { exchange: '', routingKey: 'q', redelivered: true, deliveryCount: 0 },
    ],
    ['rabbitmq-4', { header: { firstAcquirer: false } }, { exchange: undefined, redelivered: true }],
    ['rabbitmq-3', { header: { deliveryCount: 2 } }, { redelivered: true, deliveryCount: 2 }],
    ['activemq', { properties: { to: 'queue://q' } }, { destination: 'queue://q', redelivered: false }],
    ['artemis', { header: { deliveryCount: 1 } }, { destination: undefined, redelivered: true, deliveryCount: 1 }],
  ])('on %s of %j is %j', async (profile, sections, info) => {
    const { context, links } = fakeContext({ profile });
    const client = new ReceiveClient(context, 'q', resolveReceiveClientOptions());
    const fetching = client.receiveBatch({ maxMessages: 1, waitMs: 3_000 });
    await settle();
    links.receiver.deliver({ body: 'x', bodyType: 'data', ...sections });
    const [message] = await fetching;
    expect(message?.deliveryInfo).toMatchObject({ address: 'q', tag: message?.tag, ...info });
    await client.close();
  });
});
