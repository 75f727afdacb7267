// TLS in front of a port that has none.

import { connect, type AddressInfo, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import { makeCertificate } from './certificate.js';

export interface TlsFront {
  readonly port: number;
  /** In PEM form. */
  readonly ca: Buffer;
  close(): Promise<void>;
}

/** For `localhost`, on any free port; every byte goes to the port of this machine. */
export async function tlsFront(port: number): Promise<TlsFront> {
  const certificate = makeCertificate('DNS:localhost');
  const { key, cert } = certificate;
  const sockets = new Set<Socket>();
  const server = createServer({ key, cert }, (secure) => {
    const plain = connect(port, '127.0.0.1');
    for (const socket of [secure, plain]) sockets.add(socket.on('error', () => plain.destroy()));
    secure.pipe(plain).pipe(secure);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return {
    // True: it listens on a port.
    port: (server.address() as AddressInfo).port,
    ca: cert,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      certificate.remove();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
