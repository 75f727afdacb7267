// Qpid Broker-J's management: operations on its objects, by the working draft of AMQP Management, at `$management`.

import type { ConnectedPeer } from '../connection/connect-peer.js';
import { ManagementError } from '../errors.js';
import { ManagementPair } from './management-pair.js';
import { withSession } from './with-session.js';

export interface QpidAnswer {
  readonly status: number;
  readonly description: string | undefined;
  readonly body: unknown;
}

export type QpidType = 'Queue' | 'Exchange';

/** What is done with the object of this name. */
export type Operate = (
  operation: string,
  type: QpidType,
  name: string,
  parameters?: Readonly<Record<string, unknown>>,
) => Promise<QpidAnswer>;

export const QPID_NODE = { address: '$management', isPaired: false } as const;

export function withQpid<T>(
  peer: ConnectedPeer,
  signal: AbortSignal,
  work: (operate: Operate) => Promise<T>,
): Promise<T> {
  return withSession(peer, signal, async (session) => {
    const pair = await ManagementPair.attach(session, QPID_NODE, signal);
    return work(async (operation, type, name, parameters = {}) => {
      const creates = operation === 'CREATE';
      const applicationProperties = {
        operation,
        type: `org.apache.qpid.${type}`,
        ...(creates ? {} : { ...parameters, index: 'object-path', key: name }),
      };
      const body = creates ? { ...parameters, name, 'object-path': name } : {};
      const reply = await pair.request({ applicationProperties, body }, signal);
      const { statusCode, statusDescription } = reply.applicationProperties ?? {};
      return {
        status: Number(statusCode),
        description: typeof statusDescription === 'string' ? peer.secrets.masked(statusDescription) : undefined,
        body: reply.body,
      };
    });
  });
}

/** @throws ManagementError */
export function expectSuccess({ status, description, body }: QpidAnswer, what: string): unknown {
  if (status >= 200 && status < 300) return body;
  const said = description === undefined ? '' : `: ${description}`;
  throw new ManagementError(`${what} was answered with ${status}${said}`, status, description, body);
}
