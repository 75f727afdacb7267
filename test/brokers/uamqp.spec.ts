// Batches (message-format 0x80013700) between this library and Python's uamqp, over the brokers that keep them whole.

import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { BROKERS } from '../../scripts/brokers/catalogue.mjs';
import { TLS } from '../../scripts/brokers/processes.mjs';
import { uamqpAddress, uamqpIsInstalled, uamqpReceives, uamqpSends } from '../support/uamqp.js';
import { realPeers, uniqueName, withConnection } from './peer.js';

const { up } = await realPeers();
const artemis = up.find(({ name }) => name === 'artemis');
if (artemis === undefined) process.stdout.write('skipped: artemis is not up\n');

(uamqpIsInstalled && artemis !== undefined ? describe : describe.skip)('a batch over artemis', () => {
  const queue = uniqueName('uamqp');
  const address = { address: uamqpAddress(queue), capabilities: ['queue'] };
  const port = BROKERS.find(({ name }) => name === 'artemis')?.tlsPort ?? 0;
  const there = { port, ca: join(TLS, 'ca.pem'), queue };

  it('of uamqp is read whole by our receiver, and one of ours by uamqp', async () => {
    if (artemis === undefined) throw new Error('it is up');
    await withConnection(artemis, async (connection) => {
      const inbox = connection.createReceiveClient(address);
      await inbox.attach();
      expect(await uamqpSends(there)).toEqual(['SendComplete']);
      const [batch] = await inbox.receiveBatch({ maxMessages: 1, waitMs: 10_000 });
      expect(batch?.messageFormat).toBe(0x8001_3700);
      const messages = batch?.unbatch() ?? [];
      expect(messages.map(({ body }) => String(body))).toEqual([0, 1, 2, 3, 4].map((index) => `{"index": ${index}}`));
      expect(messages.every(({ applicationProperties }) => applicationProperties?.['tenant'] === 'acme')).toBe(true);
      await batch?.accept();
      await inbox.close();

      const values = ['a', 'b', { c: 1 }];
      const sent = connection.createSendClient(address).sendBatchMessage(values, {
        applicationProperties: { tenant: 'acme' },
      });
      await expect(sent).resolves.toMatchObject({ ok: true, transfers: [{}] });
      expect(await uamqpReceives(there, 3)).toEqual([
        ['a', 'acme'],
        ['b', 'acme'],
        ['{"c":1}', 'acme'],
      ]);
      // uamqp does not settle what it received and deleted: the peer has it again.
      await connection.topology.deleteQueue(address.address);
    });
  }, 90_000);
});
