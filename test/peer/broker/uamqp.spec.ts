// Batches between this library and Python's uamqp, over the embedded broker behind TLS. It takes each batch apart.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import { AmqpConnection } from '../../../lib/client/index.js';
import { makeCertificate, type Certificate } from '../../support/certificate.js';
import { uamqpAddress, uamqpIsInstalled, uamqpReceives, uamqpSends, type UamqpPeer } from '../../support/uamqp.js';

(uamqpIsInstalled ? describe : describe.skip)('the embedded broker between uamqp and this library', () => {
  let broker: EmbeddedBroker;
  let server: Server;
  let connection: AmqpConnection;
  let certificate: Certificate;
  let folder: string;
  let peer: UamqpPeer;
  const sockets = new Set<Socket>();
  const target = { address: uamqpAddress('orders') };

  beforeEach(async () => {
    broker = await EmbeddedBroker.start({ users: { guest: 'guest' } });
    certificate = makeCertificate('DNS:localhost');
    folder = mkdtempSync(join(tmpdir(), 'uamqp-'));
    writeFileSync(join(folder, 'ca.pem'), certificate.cert);
    server = createServer({ key: certificate.key, cert: certificate.cert }, (secure) => {
      const plain = connect(broker.port ?? 0, '127.0.0.1');
      for (const socket of [secure, plain]) sockets.add(socket.on('error', () => plain.destroy()));
      secure.pipe(plain).pipe(secure);
    });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    // True: it listens on a port.
    peer = { port: (server.address() as AddressInfo).port, ca: join(folder, 'ca.pem'), queue: 'orders' };
    connection = new AmqpConnection({ uri: `amqp://guest:guest@127.0.0.1:${broker.port}` });
  });

  afterEach(async () => {
    await connection.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    server.close();
    await broker.stop();
    certificate.remove();
    rmSync(folder, { recursive: true });
  });

  it('hands a batch of uamqp to our receiver whole', async () => {
    expect(await uamqpSends(peer)).toEqual(['SendComplete']);
    const inbox = connection.createReceiveClient(target);
    const received = await inbox.receiveBatch({ maxMessages: 5, waitMs: 10_000 });
    const messages = received.flatMap((message) => message.unbatch());
    expect(messages.map(({ body }) => String(body))).toEqual([0, 1, 2, 3, 4].map((index) => `{"index": ${index}}`));
    expect(messages.every(({ applicationProperties }) => applicationProperties?.['tenant'] === 'acme')).toBe(true);
    await Promise.all(received.map((message) => message.accept()));
    await broker.idle({ timeoutMs: 5_000 });
    expect(broker.queue('orders').stats()).toMatchObject({ enqueued: 5, accepted: 5 });
  }, 60_000);

  it('hands a batch of ours to uamqp whole', async () => {
    const outbox = connection.createSendClient(target);
    await outbox.sendBatchMessage(['a', 'b', { c: 1 }], { applicationProperties: { tenant: 'acme' } });
    expect(await uamqpReceives(peer, 3)).toEqual([
      ['a', 'acme'],
      ['b', 'acme'],
      ['{"c":1}', 'acme'],
    ]);
  }, 60_000);
});
