// The one place where what a peer, the system or rhea says about a failure becomes an error of this package.

import { AZURE_REFUSALS } from './azure-refusals.js';
import {
  AmqpError,
  AuthenticationError,
  ConnectionError,
  ConnectionRedirectError,
  LinkDetachedError,
  LinkError,
  LinkRedirectError,
  LinkStolenError,
  type AmqpErrorFacts,
  type PeerError,
} from './errors.js';

/** A link, as far as a message about it needs to know. */
export interface LinkIdentity {
  readonly name: string;
  readonly address: string;
}

/** The same call would fail again: somebody has to change something first. */
const PERMANENT: ReadonlySet<string> = new Set([
  'amqp:unauthorized-access',
  'amqp:not-allowed',
  'amqp:not-found',
  'amqp:not-implemented',
  'amqp:invalid-field',
  'amqp:precondition-failed',
  'amqp:link:message-size-exceeded',
  'amqp:link:stolen',
  'amqp:link:redirect',
  'amqp:connection:redirect',
  ...AZURE_REFUSALS,
]);

const SASL_FAILURES: Readonly<Record<number, string>> = Object.freeze({
  1: 'the peer refused the credentials',
  2: 'the peer could not check the credentials (system error)',
  3: 'the peer could not check the credentials (permanent system error)',
  4: 'the peer could not check the credentials now (temporary system error)',
});

/** Whether trying again may help, by what the peer gave as the reason. No reason: yes. */
export function isRetryable(condition: string | undefined): boolean {
  return condition === undefined || !PERMANENT.has(condition);
}

/** The peer closed the connection. */
export function connectionClosedByPeer(error: PeerError | undefined): ConnectionError {
  const message = `the peer closed the connection: ${describe(error)}`;
  if (error?.condition === 'amqp:connection:redirect')
    return AmqpError.inOwnWords(new ConnectionRedirectError(message, facts(error)));
  return AmqpError.inOwnWords(new ConnectionError('connection-lost', message, facts(error)));
}

/** The byte stream ended or failed. */
export function connectionLost(cause: Error | undefined): ConnectionError {
  const how = cause === undefined ? 'the peer ended the byte stream' : `the byte stream failed (${reason(cause)})`;
  const error = new ConnectionError('connection-lost', `the connection was lost: ${how}`, { cause });
  // A stream of the user's may say anything; of a system error only the name is told.
  return cause === undefined || codeOf(cause) !== undefined ? AmqpError.inOwnWords(error) : error;
}

/** The peer closed its windows: it is there, and takes nothing. It gives no reason; RabbitMQ does so under an alarm. */
export function peerBlocked(): ConnectionError {
  const why = 'it closed the windows of all sessions, as RabbitMQ does when memory or disk run out';
  return AmqpError.inOwnWords(
    new ConnectionError('blocked', `the peer takes no messages now: ${why}; sends wait for it within their time-outs`),
  );
}

/** We closed it, with links still on it. */
export function connectionClosedHere(): ConnectionError {
  return AmqpError.inOwnWords(new ConnectionError('connection-lost', 'the connection was closed here'));
}

/** Nothing came from the peer for the whole idle time-out. */
export function peerSilent(silentMs: number): ConnectionError {
  return AmqpError.inOwnWords(
    new ConnectionError(
      'connection-lost',
      `the connection was lost: the peer was silent for ${Math.round(silentMs)} ms`,
    ),
  );
}

/** The peer broke the protocol; the connection is closed for it. */
export function protocolError(message: string, condition: string | undefined, cause?: unknown): ConnectionError {
  return AmqpError.inOwnWords(
    new ConnectionError('protocol-error', `the peer broke the protocol: ${message}`, { condition, cause }),
  );
}

/** SASL ended with another code than 0. */
export function saslRefused(code: number, mechanism: string): AuthenticationError {
  const what = SASL_FAILURES[code] ?? `the peer ended SASL with the unknown code ${code}`;
  return AmqpError.inOwnWords(new AuthenticationError(`${what}; mechanism ${mechanism}`, code));
}

/** The byte stream could not be opened. @param target host and port, without user info */
export function dialFailed(cause: unknown, target: string): ConnectionError {
  const code = isTlsFailure(cause) ? 'tls' : 'connect-failed';
  const what = code === 'tls' ? 'the TLS handshake failed' : 'it did not answer';
  // A certificate does not become valid by asking again.
  return AmqpError.inOwnWords(
    new ConnectionError(code, `cannot connect to ${target}: ${what} (${reason(cause)})`, {
      cause,
      retryable: code !== 'tls',
    }),
  );
}

/** The proxy answered with something that is no answer. */
export function proxyFailed(
  proxy: { readonly host: string; readonly port: number },
  target: string,
  how: string,
): ConnectionError {
  return AmqpError.inOwnWords(
    new ConnectionError('proxy', `cannot connect to ${target}: the proxy ${proxy.host}:${proxy.port} ${how}`),
  );
}

/** The proxy will not make the tunnel. @param words its own, fit to be shown */
export function proxyRefused(
  proxy: { readonly host: string; readonly port: number },
  target: string,
  status: number,
  words: string,
): ConnectionError {
  // 4xx blames what was asked, or who asked; it stays so until somebody changes something.
  const retryable = status < 400 || status > 499 || status === 408 || status === 429;
  const said = words === '' ? String(status) : `${status} ${words}`;
  const message = `cannot connect to ${target}: the proxy ${proxy.host}:${proxy.port} refused the tunnel: ${said}`;
  return AmqpError.inOwnWords(new ConnectionError('proxy', message, { retryable }));
}

/** The peer did not let the link attach. */
export function attachRefused(link: LinkIdentity, error: PeerError | undefined): LinkError {
  const message = `${named(link)} was refused: ${describe(error)}`;
  return (
    special(link, message, error) ?? AmqpError.inOwnWords(new LinkError(message, link.address, link.name, facts(error)))
  );
}

/** The session ended in place of an answer to the attach (RabbitMQ's way to refuse one). */
export function attachRefusedBySession(link: LinkIdentity, error: PeerError | undefined): LinkError {
  const message = `${named(link)} was refused, and its session ended: ${describe(error)}`;
  const ended = { ...facts(error), scope: 'session' } as const;
  return special(link, message, error) ?? AmqpError.inOwnWords(new LinkError(message, link.address, link.name, ended));
}

/** The peer detached an attached link. */
export function linkDetached(link: LinkIdentity, error: PeerError | undefined): LinkError {
  const message = `${named(link)} was detached by the peer: ${describe(error)}`;
  return (
    special(link, message, error) ??
    AmqpError.inOwnWords(new LinkDetachedError(message, link.address, link.name, facts(error)))
  );
}

/** The link's session ended under it. */
export function linkEndedWithSession(link: LinkIdentity, error: PeerError | undefined, byPeer: boolean): LinkError {
  const message = `${named(link)} ended with its session${byPeer ? `: ${describe(error)}` : ', which was ended here'}`;
  const ended = { ...facts(error), scope: 'session' } as const;
  return (
    special(link, message, error) ??
    AmqpError.inOwnWords(new LinkDetachedError(message, link.address, link.name, ended))
  );
}

/** We detached the link because the peer broke a rule on it. */
export function linkViolated(link: LinkIdentity, error: PeerError): LinkError {
  const message = `${named(link)} was detached here: ${describe(error)}`;
  return AmqpError.inOwnWords(
    new LinkDetachedError(message, link.address, link.name, { condition: error.condition, retryable: true }),
  );
}

/** We detached it, before what was sent on it had an outcome. */
export function linkDetachedHere(link: LinkIdentity): LinkError {
  return AmqpError.inOwnWords(new LinkDetachedError(`${named(link)} was detached here`, link.address, link.name));
}

/** The peer ended the session. */
export function sessionEnded(error: PeerError | undefined): AmqpError {
  return AmqpError.inOwnWords(
    new AmqpError('detached', `the peer ended the session: ${describe(error)}`, {
      ...facts(error),
      scope: 'session',
    }),
  );
}

function special(link: LinkIdentity, message: string, error: PeerError | undefined): LinkError | undefined {
  if (error?.condition === 'amqp:link:stolen')
    return AmqpError.inOwnWords(
      new LinkStolenError(message, link.address, link.name, { ...facts(error), retryable: false }),
    );
  if (error?.condition === 'amqp:link:redirect')
    return AmqpError.inOwnWords(
      new LinkRedirectError(message, link.address, link.name, error.info ?? {}, { condition: error.condition }),
    );
  return undefined;
}

function facts(error: PeerError | undefined): AmqpErrorFacts {
  const { condition, description, info } = error ?? {};
  return { condition, description, info, retryable: isRetryable(condition) };
}

function named(link: LinkIdentity): string {
  return `the link '${link.name}' to '${link.address}'`;
}

function describe(error: PeerError | undefined): string {
  if (error === undefined) return 'no reason given';
  return error.description === undefined ? error.condition : `${error.condition}: ${error.description}`;
}

function reason(cause: unknown): string {
  return codeOf(cause) ?? (cause instanceof Error ? cause.message : String(cause));
}

function isTlsFailure(cause: unknown): boolean {
  const code = codeOf(cause);
  return code !== undefined && (TLS_CODES.has(code) || code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL'));
}

/** Node's name for a system error. */
function codeOf(cause: unknown): string | undefined {
  const code: unknown = typeof cause === 'object' && cause !== null ? Reflect.get(cause, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}

const TLS_CODES: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'EPROTO',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
