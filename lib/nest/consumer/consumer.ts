// A message arriving: ... concurrency gate -> (here) -> handler pipeline -> your method -> policy -> settle.

import {
  type AmqpConnection,
  AmqpError,
  type HandlerPolicy,
  policy,
  type ReceiveClient,
  type ReceivedMessage,
  type Source,
  type Subscription,
} from '../../client/index.js';
import { resolveSubscribeOptions } from '../../client/options/index.js';
import type { ApplicationConsumer } from '../lifecycle/application-connection.js';
import { AmqpContext } from '../amqp-context.js';
import { answerFailures, type Replies, type Reply } from '../reply/replies.js';
import { isAsyncIterable, ReplyStream } from '../reply/reply-stream.js';
import { type RunHandler, STREAMED } from './handler-pipeline.js';
import type { PlannedConsumer } from './plan-consumers.js';

/** Ends a stream whose replies nobody takes any more. */
const NOT_TAKEN = new Error('the replies are not taken any more');

/** One consumer: a subscription for each of its sources, handled as one. */
export class Consumer implements ApplicationConsumer {
  private clients: readonly ReceiveClient[] = [];
  private subscriptions: readonly Subscription[] = [];
  private declaring: Promise<void> | undefined;
  private starting: Promise<void> | undefined;
  /** The application wants it; what the last attempt to start it met. */
  private awaited: { readonly error: AmqpError | undefined } | undefined;
  /** By somebody, since it was last resumed; `unstarted`: while the application still wanted to start it. */
  private paused: { readonly unstarted: boolean } | undefined;
  private closing: Promise<void> | undefined;
  private room: { readonly prefetch: number; readonly concurrency: number };

  /**
   * Makes the clients, which checks their options; nothing goes to the peer.
   * @throws InvalidOptionsError
   */
  constructor(
    readonly plan: PlannedConsumer,
    private readonly sources: readonly Source[],
    private readonly connection: AmqpConnection,
    private readonly run: RunHandler,
    private readonly replies: Replies,
  ) {
    this.make();
    const { prefetch, concurrency } = resolveSubscribeOptions(plan.subscribe);
    this.room = { prefetch, concurrency };
  }

  get name(): string {
    return this.plan.name;
  }

  get addresses(): readonly string[] {
    return this.clients.map(({ address }) => address);
  }

  get prefetch(): number {
    return this.room.prefetch;
  }

  get concurrency(): number {
    return this.room.concurrency;
  }

  get state(): Subscription['state'] {
    const states = this.subscriptions.map(({ state }) => state);
    if (this.closing !== undefined || states.every((state) => state === 'closed')) return 'closed';
    const inOrder: readonly Subscription['state'][] = ['failed', 'starting', 'paused', 'running', 'closed'];
    const worst = inOrder.find((state) => states.includes(state)) ?? 'closed';
    // A start that nobody wants any more has not failed.
    if (this.paused !== undefined) return worst === 'failed' && this.paused.unstarted ? 'paused' : worst;
    return worst === 'paused' && (this.starting ?? this.awaited) !== undefined ? 'starting' : worst;
  }

  /** By somebody, since it was last resumed: what starts by itself leaves it so. */
  get isPaused(): boolean {
    return this.paused !== undefined;
  }

  get error(): AmqpError | undefined {
    if (this.paused?.unstarted === true) return undefined;
    return this.subscriptions.find(({ error }) => error !== undefined)?.error ?? this.awaited?.error;
  }

  get inHand(): number {
    return this.subscriptions.reduce((sum, { inHand }) => sum + inHand, 0);
  }

  /** It is `starting` from now on until it is resumed or paused, be it that nobody has come to it yet. */
  startsLater(error?: unknown): void {
    if (!this.isPaused) this.awaited = { error: error instanceof AmqpError ? error : undefined };
  }

  /** Resolves when every source is attached; no message is asked for yet. After a failure it may be called again. */
  attach(): Promise<void> {
    this.starting ??= this.attachAll().finally(() => {
      this.starting = undefined;
    });
    return this.starting;
  }

  async ready(): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.ready()));
  }

  /** Also before it has started: then it does not, but its sources are attached. */
  async pause(): Promise<void> {
    this.paused ??= { unstarted: this.awaited !== undefined };
    this.awaited = undefined;
    await Promise.all(this.subscriptions.map((subscription) => subscription.pause()));
  }

  /** Starts one that did not start by itself, too. */
  async resume(): Promise<void> {
    this.paused = undefined;
    await this.declare();
    if (this.isPaused) return; // meanwhile
    const resuming = this.subscriptions.map((subscription) => subscription.resume());
    this.awaited = undefined;
    await Promise.all(resuming);
  }

  /** Each source gets the prefetch and concurrency. */
  async adjust(change: Parameters<Subscription['adjust']>[0]): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.adjust(change)));
    const { prefetch, concurrency } = this.room;
    this.room = { prefetch: change.prefetch ?? prefetch, concurrency: change.concurrency ?? concurrency };
  }

  async recover(): Promise<number> {
    const counts = await Promise.all(this.subscriptions.map((subscription) => subscription.recover()));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Resolves when every source is closed; rejects with the first failure. */
  async ended(): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.ended()));
  }

  /** Asks for no more messages at once; resolves when the running handlers are through, at the latest after `timeoutMs`. */
  close(options: { timeoutMs?: number } = {}): Promise<void> {
    const { timeoutMs = this.plan.shutdownTimeoutMs } = options;
    this.closing ??= this.closeAll(timeoutMs);
    return this.closing;
  }

  private make(): void {
    // byError without a case is the default policy.
    const { errorPolicy = policy.byError([]), batch, ...options } = this.plan.subscribe;
    const isPolicy = typeof errorPolicy === 'function'; // else the client says what is wrong
    const answering = isPolicy ? answerFailures(errorPolicy, this.replies) : errorPolicy;
    this.clients = this.sources.map((source) => this.connection.createReceiveClient(source));
    this.subscriptions = this.clients.map((client, index) => {
      const stopping = isPolicy ? stoppingAll(answering, () => this.stopOthers(index)) : answering;
      const subscribe = { ...options, name: this.plan.name, errorPolicy: stopping, autoStart: false };
      return batch === undefined
        ? client.subscribe((message: ReceivedMessage) => this.handle(message), subscribe)
        : client.subscribe((messages: ReceivedMessage[]) => this.handleBatch(messages), { ...subscribe, batch });
    });
  }

  /** The policy stopped one source: the consumer is closed, so the others end too. */
  private stopOthers(stopped: number): void {
    const timeoutMs = this.plan.shutdownTimeoutMs;
    // close() never rejects
    for (const [index, subscription] of this.subscriptions.entries())
      if (index !== stopped) void subscription.close({ timeoutMs });
  }

  /** The consumer's own topology: now, and again after each reconnect. */
  private declare(): Promise<void> {
    const { topology } = this.plan;
    this.declaring ??=
      topology === undefined ? Promise.resolve() : this.connection.topology.declare(topology, { kept: true });
    return this.declaring.catch((error: unknown) => {
      this.declaring = undefined; // to be tried again
      throw error;
    });
  }

  private async attachAll(): Promise<void> {
    await this.declare();
    await Promise.all(this.clients.map((client) => client.attach()));
  }

  private async closeAll(timeoutMs: number): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.close({ timeoutMs })));
    await Promise.all(this.clients.map((client) => client.close({ timeoutMs: 0 })));
  }

  private async handle(message: ReceivedMessage): Promise<void> {
    const context = new AmqpContext(message, this.connection, undefined);
    const reply = this.replies.to(message);
    if (reply !== undefined) return this.answer(message, context, reply);
    const result = await this.run(message.body, context);
    if (isAsyncIterable(result)) await new ReplyStream(undefined).pull(result, context.signal);
  }

  private async answer(message: ReceivedMessage, context: AmqpContext, reply: Reply): Promise<void> {
    const stream = new ReplyStream(reply);
    const { signal } = context;
    const emit = (value: unknown): void => {
      if (stream.isRefused || signal.aborted) throw NOT_TAKEN; // lets the Observable go
      stream.push(value);
    };
    try {
      const result = await this.run(message.body, context, emit);
      const isPulled = isAsyncIterable(result);
      if (isPulled) await stream.pull(result, signal);
      if (isPulled || result === STREAMED) await (signal.aborted ? stream.flushed() : stream.end());
      else if (result !== undefined) await reply.value(result);
    } catch (error) {
      await stream.flushed(); // what came before it comes before it
      if (error !== NOT_TAKEN) throw error;
    }
  }

  private async handleBatch(messages: ReceivedMessage[]): Promise<void> {
    const [first] = messages;
    if (first === undefined) return;
    const bodies = messages.map(({ body }) => body);
    await this.run(bodies, new AmqpContext(first, this.connection, undefined, messages));
  }
}

/** `policy.stop` closes the consumer; a subscription knows only its own source. */
function stoppingAll(inner: HandlerPolicy, stopOthers: () => void): HandlerPolicy {
  const asked: HandlerPolicy = async (error, failed) => {
    const decision = await inner(error, failed);
    if (decision.kind === 'stop') stopOthers();
    return decision;
  };
  // what is known of a policy stands on the function
  return Object.assign(asked, inner);
}
