import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface TcpListenerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly onConnection: (socket: Socket) => void;
}

/** A listening TCP port. What it accepts belongs to `onConnection`. */
export class TcpListener {
  private constructor(private readonly server: Server) {}

  /** @throws the system's error, for example EADDRINUSE */
  static async listen({ host, port, onConnection }: TcpListenerOptions): Promise<TcpListener> {
    const server = createServer({ noDelay: true }, onConnection);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    // Errors of a server that listens (no more file descriptors, for example) cost the connection that could not be accepted.
    server.on('error', () => undefined);
    return new TcpListener(server);
  }

  get port(): number {
    // True: it listens on a TCP port, not on a pipe.
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes no more connections; does not wait for those there are. */
  close(): void {
    this.server.close();
  }
}
