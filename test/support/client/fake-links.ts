// A connection's links in memory, moved by the test: credit, outcomes, deliveries and losses come when it says so. Messages are really
// encoded and decoded on the way, and what the protocol layer promises its users is checked here.

import type { ClientContext } from '../../../lib/client/client-context.js';
import { CodecRegistry } from '../../../lib/client/codec/codec-registry.js';
import { SlicedDeadlineSweeper } from '../../../lib/client/deadline-sweeper.js';
import { ClientClosedError } from '../../../lib/client/errors.js';
import type { LinkOwner, LinkSupervisor, SupervisedLink } from '../../../lib/client/link/link-owner.js';
import type { MessagingContext } from '../../../lib/client/messaging-context.js';
import type { Observer } from '../../../lib/client/observer/observer.js';
import { Observers } from '../../../lib/client/observer/observers.js';
import type { PeerProfile } from '../../../lib/client/profile/peer-profile.js';
import { profileNamed } from '../../../lib/client/profile/profiles.js';
import {
  AmqpError,
  ConnectionError,
  decodeMessageInto,
  encodeMessage,
  LinkDetachedError,
  type AmqpMessage,
  type AttachReceiverOptions,
  type AttachSenderOptions,
  type IncomingDelivery,
  type Outcome,
  type OutgoingTransfer,
  type ProtocolSession,
  type ReceiverLink,
  type SenderLink,
  type Terminus,
} from '../../../lib/protocol/index.js';

type AnyLink = { readonly isOpen: boolean };

/** One client's place under the supervision, as the test moves it. */
export class FakeSupervised implements SupervisedLink {
  state: SupervisedLink['state'] = 'idle';
  link: AnyLink | undefined;
  isReleased = false;
  #waiters: { resolve(): void; reject(error: Error): void }[] = [];

  constructor(
    readonly owner: LinkOwner<AnyLink>,
    private readonly links: FakeLinks,
  ) {}

  ready(signal?: AbortSignal): Promise<void> {
    if (this.state === 'attached') return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      signal?.addEventListener('abort', () => reject(signal.reason as Error));
      if (this.state !== 'idle') return;
      this.state = 'attaching';
      if (this.links.attachesAtOnce) void this.attach();
    });
  }

  async attach(): Promise<void> {
    try {
      this.link = await this.owner.attach(this.links.session, this.links.profile, new AbortController().signal);
    } catch (error) {
      this.fail(error as AmqpError);
      return;
    }
    if (this.isReleased) return;
    this.state = 'attached';
    this.owner.attached(this.link);
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  /** As when the connection drops: transfers are told first, then the owner. */
  lose(error: AmqpError = new ConnectionError('connection-lost', 'the socket closed')): void {
    const { link } = this;
    this.link = undefined;
    this.state = 'lost';
    if (link instanceof FakeSenderLink || link instanceof FakeReceiverLink) link.end(error);
    this.owner.lost(error);
  }

  /** Attached before, and not let in again. */
  refuse(error: AmqpError): void {
    this.lose(error);
    this.state = 'refused';
    this.owner.lost(error);
  }

  fail(error: AmqpError): void {
    const { link } = this;
    if (link instanceof FakeSenderLink || link instanceof FakeReceiverLink) link.end(error);
    this.state = 'failed';
    this.owner.failed(error);
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  /** No connection will come by itself. */
  giveUp(error: AmqpError): void {
    this.state = 'idle';
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  closed(error: AmqpError): void {
    this.lose(error);
  }

  async release(failure?: AmqpError): Promise<void> {
    this.isReleased = true;
    this.state = failure === undefined ? 'closed' : 'failed';
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new ClientClosedError('the client is closed'));
  }
}

export class FakeLinks implements LinkSupervisor {
  profile: PeerProfile;
  readonly peerName = 'peer:5672';
  readonly supervised: FakeSupervised[] = [];
  readonly senders: FakeSenderLink[] = [];
  readonly receivers: FakeReceiverLink[] = [];
  attachesAtOnce = true;
  /** What the peer makes of a source. */
  confirms = (source: Terminus): Terminus => source;
  /** Of the receivers to come. */
  answersDrain = true;
  credit = 1_000;
  maxMessageSize: number | undefined = undefined;

  constructor(profile: Parameters<typeof profileNamed>[0] | PeerProfile = 'embedded') {
    this.profile = typeof profile === 'string' ? profileNamed(profile) : profile;
  }

  supervise<Link extends AnyLink>(owner: LinkOwner<Link>): SupervisedLink {
    const supervised = new FakeSupervised(owner, this);
    this.supervised.push(supervised);
    return supervised;
  }

  dismiss(): void {}

  get sender(): FakeSenderLink {
    return last(this.senders);
  }

  get receiver(): FakeReceiverLink {
    return last(this.receivers);
  }

  get current(): FakeSupervised {
    return last(this.supervised);
  }

  readonly session: ProtocolSession = {
    isOpen: true,
    handleMax: 255,
    linkCount: 0,
    attachSender: async (options) => {
      const link = new FakeSenderLink(options, this.credit, this.maxMessageSize);
      this.senders.push(link);
      return link;
    },
    attachReceiver: async (options) => {
      const link = new FakeReceiverLink(options, this.confirms);
      link.answersDrain = this.answersDrain;
      this.receivers.push(link);
      return link;
    },
    attachCoordinator: () => Promise.reject(new Error('there is none')),
    end: async () => undefined,
  };
}

export class FakeSenderLink implements SenderLink {
  isOpen = true;
  isWriting = false;
  readonly name: string;
  readonly target: Terminus;
  readonly settleMode: string;
  readonly remote = { source: undefined, target: undefined, properties: {}, offeredCapabilities: [] };
  /** Transfers without an outcome. */
  readonly unsettled: OutgoingTransfer[] = [];
  /** Every message that was written, decoded again. */
  readonly written: AmqpMessage[] = [];
  /** The same as bytes. */
  readonly payloads: Buffer[] = [];
  readonly formats: (number | undefined)[] = [];
  readonly detached: { closed: boolean }[] = [];

  constructor(
    readonly options: AttachSenderOptions,
    public credit: number,
    readonly maxMessageSize: number | undefined,
  ) {
    this.name = options.name;
    this.target = options.target;
    this.settleMode = options.settleMode;
  }

  get unsettledCount(): number {
    return this.unsettled.length;
  }

  send(transfer: OutgoingTransfer): boolean {
    if (!this.isOpen || this.credit === 0) return false;
    const bytes = encodeMessage(transfer.message);
    const decoded: AmqpMessage = { body: undefined, bodyType: 'none' };
    decodeMessageInto(decoded, bytes, 0, bytes.length);
    this.credit--;
    this.written.push(decoded);
    this.payloads.push(bytes);
    this.formats.push(transfer.messageFormat);
    if (transfer.presettled === true) queueMicrotask(() => transfer.settled(undefined));
    else this.unsettled.push(transfer);
    return true;
  }

  give(credit: number): void {
    this.credit += credit;
    this.options.onSendable();
  }

  /** Settles the oldest one. */
  answer(outcome: Outcome | undefined, problem?: string): void {
    const transfer = this.unsettled.shift();
    if (transfer === undefined) throw new Error('nothing is unsettled');
    transfer.settled(outcome, problem);
  }

  answerAll(outcome: Outcome): void {
    while (this.unsettled.length > 0) this.answer(outcome);
  }

  /** How many of those without an outcome never left the process when the link ends: the last ones. */
  unwritten = 0;

  end(error: AmqpError): void {
    this.isOpen = false;
    const written = this.unsettled.length - this.unwritten;
    this.unsettled.splice(0).forEach((transfer, index) => transfer.failed(error, index < written));
  }

  async detach({ closed }: { closed: boolean }): Promise<void> {
    this.detached.push({ closed });
    this.end(new LinkDetachedError('detached by us', '', this.name));
  }
}

export class FakeReceiverLink implements ReceiverLink {
  isOpen = true;
  readonly name: string;
  readonly source: Terminus;
  readonly settleMode: string;
  readonly remote: ReceiverLink['remote'];
  readonly deliveries: FakeDelivery[] = [];
  /** What the client did, in order. */
  readonly events: string[] = [];
  prefetch = 0;
  inHand = 0;
  mostInHand = 0;
  drains: (() => void)[] = [];
  answersDrain = true;

  constructor(
    readonly options: AttachReceiverOptions,
    confirms: (source: Terminus) => Terminus = (source) => source,
  ) {
    this.name = options.name;
    this.source = options.source;
    this.settleMode = options.settleMode;
    const source = options.source.dynamic === true ? { address: 'temp-1' } : confirms(options.source);
    this.remote = { source, target: undefined, properties: {}, offeredCapabilities: [] };
  }

  /** Credit by hand, beside the prefetch. */
  manual = 0;

  get credit(): number {
    return Math.max(0, this.prefetch - this.inHand) + this.manual;
  }

  /** One message on its way to the client. Fails when there is no credit: a peer would not send it. */
  deliver(
    message: Partial<AmqpMessage>,
    options: { oversized?: boolean; bytes?: Buffer; presettled?: boolean } = {},
  ): FakeDelivery {
    if (!this.isOpen) throw new Error('the link is closed');
    if (this.credit === 0) throw new Error('there is no credit');
    const delivery = new FakeDelivery(
      this,
      options.presettled ?? this.settleMode === 'settled',
      options.oversized ?? false,
    );
    this.deliveries.push(delivery);
    if (this.manual > 0) this.manual--;
    this.inHand++;
    this.mostInHand = Math.max(this.mostInHand, this.inHand);
    const bytes = options.bytes ?? encodeMessage({ body: undefined, bodyType: 'none', ...message });
    this.options.onDelivery(delivery, bytes, 0, options.oversized === true ? 0 : bytes.length);
    return delivery;
  }

  /** A JSON message. */
  deliverJson(value: unknown, sections: Partial<AmqpMessage> = {}): FakeDelivery {
    const properties = { contentType: 'application/json', ...sections.properties };
    return this.deliver({ ...sections, properties, body: JSON.stringify(value), bodyType: 'data' });
  }

  setPrefetch(prefetch: number): void {
    this.events.push(`prefetch ${prefetch}`);
    this.prefetch = prefetch;
  }

  addCredit(credit: number): void {
    if (this.#draining.size > 0) return;
    this.events.push(`credit ${credit}`);
    this.manual += credit;
  }

  /** One that begins while another is under way ends with it. */
  drain({ signal }: { signal: AbortSignal }): Promise<void> {
    if (this.credit === 0) {
      this.prefetch = 0;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      signal.addEventListener('abort', () => {
        this.#draining.delete(waiter);
        reject(signal.reason as Error);
      });
      if (this.#draining.size === 0) {
        this.events.push('drain');
        this.drains.push(() => this.#drained());
      }
      this.#draining.add(waiter);
      if (this.answersDrain) this.drains.shift()?.();
    });
  }

  readonly #draining = new Set<{ resolve(): void; reject(error: Error): void }>();

  #drained(): void {
    this.prefetch = 0;
    this.manual = 0;
    for (const waiter of this.#draining) waiter.resolve();
    this.#draining.clear();
  }

  /** The link ends under the drain. */
  failDrains(error: Error): void {
    for (const waiter of this.#draining) waiter.reject(error);
    this.#draining.clear();
  }

  flush(): void {
    if (this.events.at(-1) !== 'flush') this.events.push('flush');
  }

  end(_error: AmqpError): void {
    this.isOpen = false;
    this.inHand = 0;
  }

  async detach({ closed }: { closed: boolean }): Promise<void> {
    this.events.push(closed ? 'detach closed' : 'detach');
    this.isOpen = false;
  }

  /** `accepted`, `released` ... in the order of the deliveries; `undefined`: still in hand. */
  get outcomes(): (string | undefined)[] {
    return this.deliveries.map(({ outcome }) => outcome?.kind);
  }
}

export class FakeDelivery implements IncomingDelivery {
  readonly tag = Buffer.from('tag');
  readonly messageFormat = 0;
  outcome: Outcome | undefined = undefined;
  transactionId: Buffer | undefined = undefined;
  settlements = 0;
  isDone = false;

  constructor(
    readonly link: FakeReceiverLink,
    readonly presettled: boolean,
    readonly oversized: boolean,
  ) {}

  get isSettled(): boolean {
    return this.presettled || this.outcome !== undefined;
  }

  settle(outcome: Outcome, transactionId?: Buffer): 'settled' | 'stale' {
    this.settlements++;
    if (!this.link.isOpen) return 'stale';
    if (this.outcome !== undefined) throw new Error('settled twice');
    this.outcome = outcome;
    this.transactionId = transactionId;
    this.link.events.push(outcome.kind);
    this.link.inHand--;
    return 'settled';
  }

  done(): void {
    if (!this.presettled || this.isDone) return;
    this.isDone = true;
    this.link.inHand--;
  }
}

export interface FakeContext {
  readonly context: MessagingContext;
  readonly links: FakeLinks;
  readonly deadlines: SlicedDeadlineSweeper;
  readonly logged: string[];
  readonly registered: Set<unknown>;
}

/** Everything a client is given, in memory. */
export function fakeContext(
  options: {
    profile?: Parameters<typeof profileNamed>[0] | PeerProfile;
    observers?: Observer[];
    codecs?: CodecRegistry;
    queues?: ClientContext['queues'];
  } = {},
): FakeContext {
  const links = new FakeLinks(options.profile);
  const deadlines = new SlicedDeadlineSweeper();
  const logged: string[] = [];
  const write = (line: string): void => void logged.push(line);
  const logger = { log: write, warn: write, error: write };
  const registered = new Set<unknown>();
  const context: MessagingContext = {
    links,
    deadlines,
    logger,
    observers: new Observers(options.observers ?? [], logger),
    codecs: options.codecs ?? new CodecRegistry(),
    queues: options.queues,
    register: (client) => void registered.add(client),
    unregister: (client) => void registered.delete(client),
  };
  return { context, links, deadlines, logged, registered };
}

/** Lets everything happen that needs no timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function last<T>(items: readonly T[]): T {
  const item = items.at(-1);
  if (item === undefined) throw new Error('there is none yet');
  return item;
}
