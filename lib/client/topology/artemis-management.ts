// Artemis' management: operations on its server objects, called by messages to `activemq.management`.

import { DecodeError } from '../../protocol/index.js';
import type { ConnectedPeer } from '../connection/connect-peer.js';
import { ManagementError } from '../errors.js';
import { ManagementPair } from './management-pair.js';
import { withSession } from './with-session.js';

/** What an operation returned; the description of what went wrong when it did not succeed. */
export interface ArtemisAnswer {
  readonly succeeded: boolean;
  readonly result: unknown;
}

/** @param resource `broker`, or `queue.` and a queue's name */
export type Invoke = (resource: string, operation: string, ...parameters: unknown[]) => Promise<ArtemisAnswer>;

export const ARTEMIS_NODE = { address: 'activemq.management', isPaired: false } as const;
/** What an operation that fails is called in HTTP: Artemis has a text only. */
const FAILED = 500;

export function withArtemis<T>(
  peer: ConnectedPeer,
  signal: AbortSignal,
  work: (invoke: Invoke) => Promise<T>,
): Promise<T> {
  return withSession(peer, signal, async (session) => {
    const pair = await ManagementPair.attach(session, ARTEMIS_NODE, signal);
    return work(async (resource, operation, ...parameters) => {
      const applicationProperties = { _AMQ_ResourceName: resource, _AMQ_OperationName: operation };
      const reply = await pair.request({ applicationProperties, body: JSON.stringify(parameters) }, signal);
      const succeeded = reply.applicationProperties?.['_AMQ_OperationSucceeded'] === true;
      const result = resultIn(reply.body);
      const isComplaint = !succeeded && typeof result === 'string';
      return { succeeded, result: isComplaint ? peer.secrets.masked(result) : result };
    });
  });
}

/** @throws ManagementError */
export function expectSuccess({ succeeded, result }: ArtemisAnswer, what: string): unknown {
  if (succeeded) return result;
  const description = typeof result === 'string' ? result : undefined;
  const said = description === undefined ? '' : `: ${description}`;
  throw new ManagementError(`${what} did not succeed${said}`, FAILED, description, result, { retryable: false });
}

/** Some results are JSON again, in a text. @throws DecodeError */
export function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DecodeError('an answer of the management is no JSON', { cause });
  }
}

/** A JSON array with the result alone, or nothing. */
function resultIn(body: unknown): unknown {
  const values = parsed(body);
  return Array.isArray(values) ? (values as readonly unknown[])[0] : undefined;
}
