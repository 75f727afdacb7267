import { connect as connectTcp, type Socket } from 'node:net';
import { dialFailed } from '../amqp-error.js';

/** @throws ConnectionError; when aborted, the signal's reason */
export async function connectSocket(
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Socket> {
  const socket = connectTcp({ host, port, noDelay: true });
  return awaitSocket(socket, 'connect', (error) => dialFailed(error, `${host}:${port}`), signal);
}

/**
 * A socket once it reports that it is ready. Otherwise it is destroyed, with whatever it lies on.
 *
 * @param failed what an error of the socket is to the caller
 * @throws what `failed` made of it; when aborted, the signal's reason
 */
export function awaitSocket(
  socket: Socket,
  ready: 'connect' | 'secureConnect',
  failed: (error: Error) => Error,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise<Socket>((resolve, reject) => {
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('close', onClose);
    };
    const fail = (error: Error): void => {
      settle();
      abandon(socket);
      reject(error);
    };
    const onError = (error: Error): void => fail(failed(error));
    const onClose = (): void => fail(failed(new Error('the peer closed it at once')));
    const onAbort = (): void => fail(reasonOf(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.once(ready, () => {
      settle();
      resolve(socket);
    });
    if (signal.aborted) onAbort();
  });
}

/** Destroys a socket that was given up; it may still report an error, and there is nobody left whom it concerns. */
export function abandon(socket: { on(event: 'error', listener: () => void): unknown; destroy(): unknown }): void {
  socket.on('error', () => undefined);
  socket.destroy();
}

export function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}
