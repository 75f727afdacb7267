// One attempt to connect: a byte stream, SASL and OPEN, all within one deadline, then the topology.

import type { Duplex } from 'node:stream';
import {
  AmqpError,
  type AmqpErrorFacts,
  AuthenticationError,
  ConnectionError,
  ConnectionRedirectError,
  type Secrets,
  VERSION,
  type ProtocolConnection,
} from '../../protocol/index.js';
import { deadline, raceSignal } from '../deadline.js';
import type { ResolvedConnectionOptions } from '../options/resolve-connection-options.js';
import type { ResolvedPeer } from '../options/resolve-peers.js';
import { detectPeer, type DetectedPeer } from '../profile/detect-profile.js';
import { dialEmbedded } from './embedded-registry.js';
import type { Network } from './network.js';

/** A connection that is open and may be used. */
export interface ConnectedPeer extends DetectedPeer {
  readonly protocol: ProtocolConnection;
  /** Without user info. */
  readonly uri: string;
  /** `host:port`, for messages. */
  readonly name: string;
  /** Who we are to it, where the credentials say so. */
  readonly user: string | undefined;
  /** What it was told in confidence, so that nothing of it is shown when it repeats it. */
  readonly secrets: Secrets;
  /** What was dialled. Holds secrets. */
  readonly resolved: ResolvedPeer;
}

export interface AttemptHandlers {
  readonly signal: AbortSignal;
  readonly onLost: (error: AmqpError) => void;
  readonly onBlocked: (blocked: boolean) => void;
  /** What the peer is told in confidence. */
  readonly secrets: Secrets;
}

/** @throws AmqpError; nothing is left open then */
export async function connectPeer(
  peer: ResolvedPeer,
  options: ResolvedConnectionOptions,
  network: Network,
  handlers: AttemptHandlers,
): Promise<ConnectedPeer> {
  const { shown } = peer.uri;
  const timeout = (): Error =>
    AmqpError.inOwnWords(
      new ConnectionError('connect-timeout', `${shown}: not connected within ${peer.connectTimeoutMs} ms`),
    );
  const attempt = deadline(peer.connectTimeoutMs, timeout, handlers.signal);
  try {
    const stream = await openStream(peer, options, network, attempt.signal);
    const protocol = await handshake(stream, peer, options, network, handlers, attempt.signal);
    const detected = detectPeer(protocol.peer, peer.uri.host, options.profile, peer.hostname);
    const { secrets } = handlers;
    return {
      ...detected,
      protocol,
      uri: shown,
      name: nameOf(peer),
      user: peer.credentials.user,
      secrets,
      resolved: peer,
    };
  } catch (error) {
    throw explain(attempt.signal.aborted ? attempt.signal.reason : error, peer);
  } finally {
    attempt.done();
  }
}

function openStream(
  peer: ResolvedPeer,
  { dial, tls, proxy, webSocket }: ResolvedConnectionOptions,
  network: Network,
  signal: AbortSignal,
): Promise<Duplex> {
  const { scheme, host, port, path, shown } = peer.uri;
  const late = (stream: Duplex): void => {
    // The attempt is over; whoever dialled after all must not leave a socket behind.
    if (signal.aborted) stream.on('error', () => undefined).destroy();
  };
  const dialled = (async () => {
    if (dial !== undefined) return dial({ uri: shown, signal });
    if (scheme === 'embedded') return dialEmbedded(host, shown, signal);
    const secure = scheme === 'amqps' || scheme === 'wss';
    return network.dial({
      host,
      port,
      ...(secure ? { tls: peer.servername === undefined ? tls : { ...tls, servername: peer.servername } } : {}),
      ...(scheme === 'ws' || scheme === 'wss' ? { websocket: { path, ...webSocket } } : {}),
      ...(proxy === undefined ? {} : { proxy }),
      signal,
    });
  })();
  dialled.then(late, () => undefined);
  return raceSignal(dialled, signal);
}

async function handshake(
  stream: Duplex,
  peer: ResolvedPeer,
  options: ResolvedConnectionOptions,
  network: Network,
  handlers: AttemptHandlers,
  signal: AbortSignal,
): Promise<ProtocolConnection> {
  try {
    return await network.openConnection({
      stream,
      containerId: peer.containerId,
      hostname: peer.hostname,
      sasl: peer.credentials.start(handlers.secrets.add),
      secrets: handlers.secrets,
      maxFrameSize: options.maxFrameSize,
      channelMax: options.channelMax,
      idleTimeoutMs: peer.idleTimeoutMs,
      heartbeatMs: options.heartbeatMs,
      heartbeatRatio: options.heartbeatRatio,
      handleMax: options.handleMax,
      incomingWindow: options.incomingWindow,
      properties: {
        product: 'nestjs-amqp10',
        version: VERSION,
        platform: `Node.js ${process.version}`,
        ...options.properties,
      },
      signal,
      trace: options.trace,
      onLost: handlers.onLost,
      onBlocked: handlers.onBlocked,
    });
  } catch (error) {
    if (!stream.destroyed) stream.on('error', () => undefined).destroy();
    throw error;
  }
}

function nameOf({ uri }: ResolvedPeer): string {
  return uri.scheme === 'embedded' ? uri.shown : `${uri.host}:${uri.port}`;
}

/** Says which peer it was, and what a sudden end before OPEN often means. */
function explain(error: unknown, peer: ResolvedPeer): AmqpError {
  const { shown, vhost } = peer.uri;
  if (error instanceof AuthenticationError)
    return AmqpError.inWordsOf(
      error,
      new AuthenticationError(`${shown}: ${error.message}`, error.saslCode, facts(error)),
    );
  if (error instanceof ConnectionRedirectError)
    return AmqpError.inWordsOf(error, new ConnectionRedirectError(`${shown}: ${error.message}`, facts(error)));
  if (error instanceof ConnectionError) {
    const hint =
      vhost !== undefined && error.code === 'connection-lost' ? ` (does the virtual host "${vhost}" exist?)` : '';
    const named = error.message.includes(nameOf(peer)) ? error.message : `${shown}: ${error.message}`;
    return AmqpError.inWordsOf(error, new ConnectionError(error.code, `${named}${hint}`, facts(error)));
  }
  if (error instanceof AmqpError) return error;
  return AmqpError.inOwnWords(
    new ConnectionError('connect-failed', `${shown}: the byte stream could not be opened`, { cause: error }),
  );
}

function facts(error: AmqpError): AmqpErrorFacts {
  const { retryable, condition, description, info } = error;
  return { retryable, condition, description, info, cause: error.cause ?? error };
}
