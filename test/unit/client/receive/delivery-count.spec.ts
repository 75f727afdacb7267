import { expect, it } from '@jest/globals';
import { policy } from '../../../../lib/client/policy/policy.js';
import { ReceiveClient } from '../../../../lib/client/receive/receive-client.js';
import { resolveReceiveClientOptions } from '../../../../lib/client/receive/receive-client-options.js';
import { fakeContext, settle } from '../../../support/client/fake-links.js';

it('counts what failed by the delivery-count of the header, not by what RabbitMQ counts beside it', async () => {
  const { context, links } = fakeContext();
  const client = new ReceiveClient(context, 'orders', resolveReceiveClientOptions());
  const seen: number[] = [];
  client.subscribe(
    ({ deliveryCount }) => {
      seen.push(deliveryCount);
      throw new Error('no');
    },
    { errorPolicy: policy.redeliver({ maxDeliveries: 3 }) },
  );
  await settle();
  // It was released nine times, by consumers that closed, and failed once.
  const released = links.receiver.deliverJson(1, {
    header: { deliveryCount: 1 },
    messageAnnotations: { 'x-delivery-count': 10 },
  });
  const failed = links.receiver.deliverJson(2, { header: { deliveryCount: 2 } });
  await settle();
  expect([seen, released.outcome?.kind, failed.outcome?.kind]).toEqual([[1, 2], 'modified', 'rejected']);
  await client.close({ timeoutMs: 0 });
});
