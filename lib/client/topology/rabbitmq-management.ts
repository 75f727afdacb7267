// RabbitMQ 4's management over AMQP 1.0: requests and replies in the manner of HTTP.

import type { ConnectedPeer } from '../connection/connect-peer.js';
import { ManagementError } from '../errors.js';
import { ManagementPair } from './management-pair.js';
import { withSession } from './with-session.js';

/** One answer: an HTTP status, and a body of AMQP types. */
export interface ManagementReply {
  readonly status: number;
  readonly body: unknown;
}

export type Ask = (method: string, path: string, body?: unknown) => Promise<ManagementReply>;

const NODE = { address: '/management', isPaired: true } as const;

/** A path that RabbitMQ does not know ends the session: it has to be one's own. */
export function withManagement<T>(
  peer: ConnectedPeer,
  signal: AbortSignal,
  work: (ask: Ask) => Promise<T>,
): Promise<T> {
  return withSession(peer, signal, async (session) => {
    const pair = await ManagementPair.attach(session, NODE, signal);
    return work(async (method, path, body = null) => {
      const reply = await pair.request({ properties: { to: path, subject: method }, body }, signal);
      const status = Number(reply.properties?.subject);
      // A text is what it says of a failure.
      return { status, body: typeof reply.body === 'string' ? peer.secrets.masked(reply.body) : reply.body };
    });
  });
}

/** @throws ManagementError */
export function expectSuccess(reply: ManagementReply, what: string): void {
  const { status, body } = reply;
  if (status >= 200 && status < 300) return;
  const description = saidBy(reply);
  const said = description === undefined ? '' : `: ${description}`;
  throw new ManagementError(`${what} was answered with ${status}${said}`, status, description, body);
}

/** The peer's own words, if it said any. */
export function saidBy({ body }: ManagementReply): string | undefined {
  return typeof body === 'string' ? body : undefined;
}
