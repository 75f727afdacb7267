import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AmqpConnection } from '../../../lib/client/amqp-connection.js';
import { makeCertificate, type Certificate } from '../../support/certificate.js';
import { eventually } from '../../support/eventually.js';
import { ScriptedPeer } from '../../support/scripted-peer.js';

/** A peer behind TLS, and the names that clients asked it for (SNI). */
interface TlsPeer {
  readonly peer: ScriptedPeer;
  readonly port: number;
  readonly asked: (string | false)[];
  readonly server: Server;
}

let named: Certificate;
let numbered: Certificate;
const running: TlsPeer[] = [];
const connections: AmqpConnection[] = [];
beforeAll(() => {
  named = makeCertificate('DNS:localhost');
  numbered = makeCertificate('IP:127.0.0.1');
});
afterAll(() => {
  named.remove();
  numbered.remove();
});
afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 500 })));
  for (const { peer, server } of running.splice(0)) {
    await peer.close();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen({ key, cert }: Certificate): Promise<TlsPeer> {
  const peer = new ScriptedPeer();
  const asked: (string | false)[] = [];
  const server = createServer({ key, cert }, (socket: TLSSocket) => {
    const servername: unknown = Reflect.get(socket, 'servername');
    asked.push(servername === false ? false : String(servername));
    peer.accept(socket);
  });
  server.on('tlsClientError', () => undefined);
  // Both names of this machine, whichever family they are looked up as.
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const one = { peer, asked, server, port: (server.address() as AddressInfo).port };
  running.push(one);
  return one;
}

describe('a failover list over TLS', () => {
  const ca = (): Buffer => Buffer.concat([named.cert, numbered.cert]);

  it('asks each peer for its own name and holds its certificate against that, at every attempt', async () => {
    const [first, second] = [await listen(named), await listen(numbered)];
    const uri = `amqps://localhost:${first.port};127.0.0.1:${second.port}`;
    const connection = new AmqpConnection({ uri, tls: { ca: ca() }, reconnect: { initialDelayMs: 1 } });
    connections.push(connection);
    await connection.open();
    first.peer.connection.stream.destroy();
    await eventually('at the second', () => second.asked.length === 1 && connection.status === 'connected');
    second.peer.connection.stream.destroy();
    await eventually('at the first again', () => first.asked.length === 2 && connection.status === 'connected');
    expect(first.asked).toEqual(['localhost', 'localhost']);
    // SNI carries no addresses.
    expect(second.asked).toEqual([false]);
  });

  it('passes over a peer whose certificate is for another of the list', async () => {
    const [wrong, right] = [await listen(numbered), await listen(numbered)];
    const uri = `amqps://localhost:${wrong.port};127.0.0.1:${right.port}`;
    const one = new AmqpConnection({ uri: uri.split(';')[0] ?? '', tls: { ca: ca() }, reconnect: false });
    connections.push(one);
    await expect(one.open()).rejects.toMatchObject({ code: 'tls', retryable: false });
    expect(wrong.peer.seen('init')).toEqual([]);
  });
});
