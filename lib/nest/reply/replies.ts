// A message arriving: ... your method -> (here) -> the requester's reply address -> settle.

import type {
  AmqpConnection,
  AmqpLogger,
  HandlerPolicy,
  ReceivedMessage,
  SendClient,
  SendOptions,
} from '../../client/index.js';
import { errorBody } from './error-body.js';

type Kind = 'value' | 'next' | 'complete' | 'error';

/** `reply-to` is a stranger's choice: so many links are kept, the one not used for longest gives way. */
const MOST_LINKS = 64;
/** A requester that does not take its reply must not hold a handler's place for long. */
const REPLY_TIMEOUT_MS = 10_000;

/** Sends what handlers give back. A reply that fails costs a log line: the request was handled all the same. */
export class Replies {
  private readonly links = new Map<string, SendClient>();

  constructor(
    private readonly connection: AmqpConnection,
    private readonly logger: AmqpLogger,
  ) {}

  /** `undefined`: nobody waits for replies to this message. */
  to(request: ReceivedMessage): Reply | undefined {
    const address = request.properties?.replyTo;
    return address === undefined || address === '' ? undefined : new Reply(request, address, this);
  }

  /** Resolves when the peer has taken it, or after the log line. */
  async send(address: string, body: unknown, options: SendOptions): Promise<void> {
    try {
      await this.linkTo(address).send(body, options);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.logger.warn(`no reply could be sent to ${address}: ${reason}`);
    }
  }

  private linkTo(address: string): SendClient {
    const link = this.links.get(address) ?? this.connection.createSendClient({ address });
    // Last in the map: used last.
    this.links.delete(address);
    this.links.set(address, link);
    const [oldest] = this.links;
    if (this.links.size > MOST_LINKS && oldest !== undefined) {
      this.links.delete(oldest[0]);
      oldest[1].close().catch(() => undefined); // its pending replies have told their own fate
    }
    return link;
  }
}

/** The replies to one request, by the wire format of docs: `correlation-id`, and `x-reply` for the kind. */
export class Reply {
  private readonly sending: Promise<void>[] = [];

  constructor(
    private readonly request: ReceivedMessage,
    private readonly address: string,
    private readonly replies: Replies,
  ) {}

  /** The one reply. */
  value(body: unknown): Promise<void> {
    return this.send('value', body);
  }

  /** One of a stream; the order is kept. */
  next(body: unknown): void {
    this.sending.push(this.send('next', body));
  }

  /** The end of a stream; resolves when all of it is sent. */
  async complete(): Promise<void> {
    await Promise.all([...this.sending, this.send('complete', null)]);
  }

  error(error: unknown): Promise<void> {
    return this.send('error', errorBody(error));
  }

  private send(kind: Kind, body: unknown): Promise<void> {
    const { properties, header } = this.request;
    const correlationId = properties?.correlationId ?? properties?.messageId;
    const ttlMs = header?.ttl;
    return this.replies.send(this.address, body, {
      durable: false,
      timeoutMs: REPLY_TIMEOUT_MS,
      applicationProperties: { 'x-reply': kind },
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(ttlMs === undefined ? {} : { ttlMs }),
    });
  }
}

/** The policy, and an error reply where it ends in rejected or dead-letter. */
export function answerFailures(policy: HandlerPolicy, replies: Replies): HandlerPolicy {
  const answering: HandlerPolicy = async (error, failed) => {
    const decision = await policy(error, failed);
    const isLast =
      decision.kind === 'dead-letter' || (decision.kind === 'settle' && decision.outcome.kind === 'rejected');
    if (isLast) await replies.to(failed.message)?.error(error);
    return decision;
  };
  // What the client knows of the policy (that it redelivers) is kept.
  return Object.assign(answering, policy);
}
