// A message arriving: ... your method -> (here) -> the requester's reply address -> settle.

import {
  type AmqpConnection,
  type AmqpLogger,
  type HandlerPolicy,
  LinkDetachedError,
  type ReceivedMessage,
  type SendClient,
  SendError,
  type SendOptions,
} from '../../client/index.js';
import { recordParts } from '../amqp-record.js';
import { errorBody } from './error-body.js';

/** What a reply is: the `x-reply` of the wire format. */
export type ReplyKind = 'value' | 'next' | 'complete' | 'error';

/** What a server may say about replies. */
export interface ReplyRules {
  /** Whether replies may go to that address; a request whose may not is handled all the same. */
  readonly allow?: ((address: string, request: ReceivedMessage) => boolean) | undefined;
  /** What goes out in place of the body. */
  readonly encode?: ((kind: ReplyKind, body: unknown, request: ReceivedMessage) => unknown) | undefined;
}

/**
 * `reply-to` is a stranger's choice: so many links are kept. The one not used for longest gives way, of those without a reply under way if
 * there are any.
 */
const MOST_LINKS = 64;
/** What is under way on a link that gives way has so long: it holds its session until then. */
const LAST_REPLIES_MS = 1_000;
/** A requester that does not take its reply must not hold a handler's place for long. */
const REPLY_TIMEOUT_MS = 10_000;
/** Replies to one address that the peer may owe an outcome before requests wait for it. */
const MOST_WITHOUT_OUTCOME = 100;
/** So many addresses are remembered as failing; the one that failed first is forgotten first. */
const MOST_FAILING = 1_024;
/** As much of an address stands in a line of the log. */
const MOST_SHOWN = 256;

/**
 * Sends what handlers give back. A requester that is gone costs a log line, however many replies it misses: the requests were handled
 * all the same.
 */
export class Replies {
  private readonly links = new Map<string, SendClient>();
  /** Addresses whose last reply failed: a link to one that is gone does not stay to tell. */
  private readonly failing = new Set<string>();

  constructor(
    private readonly connection: AmqpConnection,
    private readonly logger: AmqpLogger,
    private readonly rules: ReplyRules = {},
  ) {}

  /** `undefined`: nobody waits for replies to this message. */
  to(request: ReceivedMessage): Reply | undefined {
    const address = request.properties?.replyTo;
    if (address === undefined || address === '') return undefined;
    if (this.rules.allow?.(address, request) === false) {
      this.logger.warn(`no reply goes to ${shown(address)}: reply.allow says no`);
      return undefined;
    }
    return new Reply(request, address, this, this.rules.encode);
  }

  /** Resolves to `true` when the peer has taken it, to `false` after the log line. */
  taken(address: string, body: unknown, options: SendOptions): Promise<boolean> {
    try {
      const link = this.linkTo(address);
      return this.outcome(link.send(body, options), address, link);
    } catch (error) {
      this.warn(address, error);
      return Promise.resolve(false);
    }
  }

  /**
   * Resolves to `true` when it is on its way: whatever becomes of it costs no more than the log line, so that the request need not wait
   * for that. What settles the request is written behind it, in the same bytes.
   */
  written(address: string, body: unknown, options: SendOptions): Promise<boolean> {
    const taken = this.taken(address, body, options);
    return this.links.get(address)?.hasWritten(MOST_WITHOUT_OUTCOME) === true ? Promise.resolve(true) : taken;
  }

  /** Ends the links; what is still being sent has until then. */
  async close(options: { readonly timeoutMs: number }): Promise<void> {
    const links = [...this.links.values()];
    this.links.clear();
    await Promise.all(links.map((link) => link.close(options)));
  }

  private async outcome(sent: Promise<unknown>, address: string, link: SendClient): Promise<boolean> {
    try {
      await sent;
      if (this.failing.size > 0) this.failing.delete(address);
      return true;
    } catch (error) {
      this.warn(address, error);
      if (isGone(error)) this.drop(address, link, 0);
      return false;
    }
  }

  private warn(address: string, error: unknown): void {
    if (this.failing.has(address)) return;
    this.failing.add(address);
    const [first] = this.failing;
    if (this.failing.size > MOST_FAILING && first !== undefined) this.failing.delete(first);
    // The reason may quote the address.
    const reason = (error instanceof Error ? error.message : String(error)).replaceAll(/\p{Cc}+/gu, ' ');
    this.logger.warn(`no reply could be sent to ${shown(address)}: ${reason.slice(0, 2 * MOST_SHOWN)}`);
  }

  /** A requester that is gone does not come back: its link would be tried again and again for nobody. */
  private drop(address: string, link: SendClient, timeoutMs: number): void {
    if (this.links.get(address) === link) this.links.delete(address);
    link.close({ timeoutMs }).catch(() => undefined); // its pending replies tell their own fate
  }

  private linkTo(address: string): SendClient {
    const link = this.links.get(address) ?? this.connection.createReplyClient(address);
    // Last in the map: used last.
    this.links.delete(address);
    if (this.links.size >= MOST_LINKS) this.makeRoom();
    this.links.set(address, link);
    return link;
  }

  private makeRoom(): void {
    const links = [...this.links];
    const [address, link] = links.find(([, { pending }]) => pending.length === 0) ?? links[0] ?? [];
    if (address !== undefined && link !== undefined) this.drop(address, link, LAST_REPLIES_MS);
  }
}

/** The replies to one request, by the wire format of docs: `correlation-id`, and `x-reply` for the kind. */
export class Reply {
  /** With an encoder, which may take its time: one after another. */
  private encoding: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly request: ReceivedMessage,
    private readonly address: string,
    private readonly replies: Replies,
    private readonly encode?: ReplyRules['encode'],
  ) {}

  /** The one reply. */
  async value(body: unknown): Promise<void> {
    await this.send('value', body);
  }

  /** One of a stream; the order is kept. Resolves to whether somebody took it. */
  next(body: unknown): Promise<boolean> {
    return this.send('next', body);
  }

  /** The end of a stream. */
  async complete(): Promise<void> {
    await this.send('complete', null);
  }

  async error(error: unknown): Promise<void> {
    await this.send('error', errorBody(error));
  }

  private send(kind: ReplyKind, body: unknown): Promise<boolean> {
    const { encode } = this;
    if (encode === undefined) return this.write(kind, body);
    const { data, options } = recordParts(body);
    const written = this.encoding.then(async () => this.write(kind, await encode(kind, data, this.request), options));
    this.encoding = written.catch(() => undefined); // whoever sent it hears of it
    return written;
  }

  private write(kind: ReplyKind, value: unknown, given: SendOptions = {}): Promise<boolean> {
    const { properties, header } = this.request;
    const correlationId = properties?.correlationId ?? properties?.messageId;
    const ttlMs = header?.ttl;
    const { data, options } = recordParts(value);
    const whole: SendOptions = {
      durable: false,
      timeoutMs: REPLY_TIMEOUT_MS,
      ...(ttlMs === undefined ? {} : { ttlMs }),
      ...given,
      ...options,
      applicationProperties: { ...given.applicationProperties, ...options.applicationProperties, 'x-reply': kind },
      ...(correlationId === undefined ? {} : { correlationId }),
    };
    const { replies, address } = this;
    return kind === 'next'
      ? replies.taken(address, data ?? null, whole)
      : replies.written(address, data ?? null, whole);
  }
}

/** A stranger's text must not make lines of its own in the log. */
function shown(address: string): string {
  return /^[\x21-\x7e]*$/.test(address) && address.length <= MOST_SHOWN
    ? address
    : JSON.stringify(address.slice(0, MOST_SHOWN));
}

const GONE: ReadonlySet<string | undefined> = new Set(['amqp:not-found', 'amqp:resource-deleted']);

/** The peer has no such address, or has it no more. One that only did not take this reply in time may take the others. */
function isGone(error: unknown): boolean {
  if (!(error instanceof SendError) || error.code !== 'link-closed') return false;
  return GONE.has(error.condition) || error.cause instanceof LinkDetachedError;
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
