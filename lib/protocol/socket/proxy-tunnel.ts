// A tunnel through an HTTP proxy (RFC 9110, section 9.3.6). What the proxy says is a stranger's word: bounded, and shown only in part.

import type { Socket } from 'node:net';
import { dialFailed, proxyFailed, proxyRefused } from '../amqp-error.js';
import { Secrets } from '../secrets.js';
import { abandon, connectSocket, reasonOf } from './connect-socket.js';

export interface HttpProxy {
  readonly host: string;
  readonly port: number;
  /** For Proxy-Authorization (Basic). */
  readonly user?: { readonly name: string; readonly password: string } | undefined;
}

/** No proxy needs more to say yes or no. */
const MAX_HEADER_BYTES = 16_384;
const END_OF_HEADER = Buffer.from('\r\n\r\n');

/** @throws ConnectionError with what the proxy said; when aborted, the signal's reason */
export async function openTunnel(
  target: { readonly host: string; readonly port: number },
  proxy: HttpProxy,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = await connectSocket(proxy, signal);
  const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
  socket.write(connectRequest(authority, proxy.user));
  return new Promise<Socket>((resolve, reject) => {
    let header: Buffer = Buffer.alloc(0);
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('readable', onReadable);
      socket.off('error', onError);
      socket.off('close', onClose);
    };
    const fail = (error: Error): void => {
      settle();
      abandon(socket);
      reject(error);
    };
    const onAbort = (): void => fail(reasonOf(signal));
    const onError = (error: Error): void => fail(dialFailed(error, `the proxy ${proxy.host}:${proxy.port}`));
    const onClose = (): void => fail(proxyFailed(proxy, authority, 'closed the connection without an answer'));
    const onReadable = (): void => {
      const chunk: unknown = socket.read();
      if (!Buffer.isBuffer(chunk)) return;
      header = Buffer.concat([header, chunk]);
      const end = header.indexOf(END_OF_HEADER);
      if (end < 0 && header.length <= MAX_HEADER_BYTES) return;
      const [, status, reason = ''] =
        /^HTTP\/1\.[01] (\d{3})(?: ([^\r\n]*))?\r\n/.exec(header.toString('latin1', 0, end + 2)) ?? [];
      if (end < 0 || end > MAX_HEADER_BYTES) return fail(proxyFailed(proxy, authority, 'sent a header without an end'));
      if (status === undefined) return fail(proxyFailed(proxy, authority, 'did not answer as an HTTP proxy does'));
      if (!status.startsWith('2')) return fail(proxyRefused(proxy, authority, Number(status), shown(reason, proxy)));
      settle();
      const rest = header.subarray(end + END_OF_HEADER.length);
      // A peer that speaks first: its bytes came with the proxy's.
      if (rest.length > 0) socket.unshift(rest);
      resolve(socket);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError);
    socket.on('close', onClose);
    // Not 'data': without a listener the stream would go on flowing, and bytes of the peer be lost.
    socket.on('readable', onReadable);
    if (signal.aborted) onAbort();
  });
}

function connectRequest(authority: string, user: HttpProxy['user']): string {
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (user !== undefined) lines.push(`Proxy-Authorization: Basic ${basic(user)}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function basic({ name, password }: { readonly name: string; readonly password: string }): string {
  return Buffer.from(`${name}:${password}`).toString('base64');
}

/** The proxy's words, without what we told it in confidence. */
function shown(reason: string, { user }: HttpProxy): string {
  const secrets = new Secrets(user === undefined ? [] : [user.password, basic(user)]);
  return secrets
    .masked(reason)
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 100);
}
