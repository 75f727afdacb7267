// What one connection tells, counted. On a message's path: nothing here waits, and nothing grows with what passes.

import type {
  AmqpConnection,
  ConnectionStatus,
  ObservedDelivery,
  ObservedMessage,
  ObservedReceive,
  ObservedSend,
  Observer,
  Outcome,
  PolicyDecision,
  ReceivedMessage,
  SendResult,
  StatusEvent,
} from '../../client/index.js';
import type { DashboardConnection, DashboardFailure, DashboardSender } from '../snapshot.js';
import type { Activity } from './activity.js';
import { BoundedTable, shortened } from './bounded-table.js';
import { connectionSnapshot } from './connection-snapshot.js';
import { ConsumerRow } from './consumer-row.js';
import { describeDecision, describeError } from './describe.js';
import { SenderRow } from './sender-row.js';

/** Stands for all addresses that peers make up: there is one for each requester. */
const TEMPORARY = '(temporary)';

/** One call of a handler that has begun. */
interface Call {
  readonly row: ConsumerRow;
  readonly event: ObservedDelivery;
  readonly startedMs: number;
}

interface Sending {
  readonly row: SenderRow;
  readonly address: string;
}

/** One failure until the policy has said what becomes of it. */
type OpenFailure = { -readonly [Field in keyof DashboardFailure]: DashboardFailure[Field] };

/** Listens to one connection. */
export class ConnectionActivity implements Observer {
  /** Consumers that have a name. */
  readonly consumers: BoundedTable<ConsumerRow>;
  /** By address, what is received by those that have none. */
  readonly nameless: BoundedTable<ConsumerRow>;
  readonly senders: BoundedTable<SenderRow>;
  readonly #undecided = new WeakMap<ReceivedMessage, OpenFailure>();
  readonly #forget: () => void;
  #wasThere: boolean;
  /** It was there and is not any more. */
  #isLost = false;
  #reconnects = 0;

  constructor(
    readonly name: string,
    readonly connection: AmqpConnection,
    private readonly activity: Activity,
  ) {
    const { maxAddresses } = activity;
    this.consumers = new BoundedTable(maxAddresses, () => new ConsumerRow());
    this.nameless = new BoundedTable(maxAddresses, () => new ConsumerRow());
    this.senders = new BoundedTable(maxAddresses, () => new SenderRow());
    this.#wasThere = isThere(connection.status);
    this.#forget = connection.observe(this);
  }

  /** Hears no more. */
  stop(): void {
    this.#forget();
  }

  snapshot(): DashboardConnection {
    return connectionSnapshot(this.name, this.connection, this.#reconnects);
  }

  senderSnapshots(nowMs: number): DashboardSender[] {
    return this.senders.rows().map(([address, row]) => row.snapshot(address, this.name, nowMs));
  }

  onStatus({ status }: StatusEvent): void {
    if (!isThere(status)) this.#isLost = this.#wasThere;
    else if (this.#isLost) {
      this.#reconnects += 1;
      this.#isLost = false;
    }
    this.#wasThere ||= isThere(status);
  }

  onSend({ address, node }: ObservedSend): { readonly token: Sending } {
    const row = this.senders.of(node.kind === 'temporary' ? TEMPORARY : address);
    row.pending += 1;
    return { token: { row, address } };
  }

  onSent(token: unknown, result: SendResult): void {
    const { row, address } = token as Sending; // true: the token that onSend gave
    const nowMs = this.activity.now();
    row.pending -= 1;
    if (result.ok) {
      row.sent += 1;
      row.rate.add(nowMs);
      this.activity.sent.add(nowMs);
      return;
    }
    const { error } = result;
    row.failed.set(error.code, (row.failed.get(error.code) ?? 0) + 1);
    this.activity.failed.add(nowMs);
    const decision = error.delivered === 'no' ? 'the peer does not have it' : 'the peer may have it';
    this.#failed('sender', { address }, error, decision, nowMs);
  }

  onReceive({ address, node, messages }: ObservedReceive): void {
    const count = messages.length;
    if (count === 0) return;
    const nowMs = this.activity.now();
    const row = this.#rowOf({ address, node, consumer: undefined });
    row.fetched += count;
    row.rate.add(nowMs, count);
    this.activity.received.add(nowMs, count);
  }

  onDelivery(event: ObservedDelivery): Call {
    const row = this.#rowOf(event);
    row.begun += 1;
    return { row, event, startedMs: this.activity.now() };
  }

  onHandled(token: unknown, error?: unknown): void {
    const { row, event, startedMs } = token as Call; // true: the token that onDelivery gave
    const nowMs = this.activity.now();
    row.ended += 1;
    row.rate.add(nowMs);
    this.activity.received.add(nowMs);
    if (event.failure === undefined) row.durations.add(nowMs - startedMs);
    if (error === undefined) return;
    row.failed += 1;
    this.activity.failed.add(nowMs);
    row.errors.add(describeError(error, this.activity.dated(nowMs)));
    const failure = this.#failed('consumer', event, error, 'none', nowMs);
    this.#undecided.set(event.message, failure);
  }

  onDecision(event: ObservedMessage & { readonly error: unknown; readonly decision: PolicyDecision }): void {
    const { message, decision, error } = event;
    this.#rowOf(event).decisions[decision.kind] += 1;
    const text = describeDecision(decision);
    const failure = this.#undecided.get(message);
    if (failure === undefined) this.#failed('consumer', event, error, text, this.activity.now());
    else failure.decision = text;
    this.#undecided.delete(message);
  }

  onSettle(event: ObservedMessage & { readonly outcome: Outcome }): void {
    this.#rowOf(event).outcomes[event.outcome.kind] += 1;
  }

  #rowOf({ address, node, consumer }: Pick<ObservedMessage, 'address' | 'node' | 'consumer'>): ConsumerRow {
    const isTemporary = consumer === undefined && node.kind === 'temporary';
    const row =
      consumer === undefined ? this.nameless.of(isTemporary ? TEMPORARY : address) : this.consumers.of(consumer);
    if (!isTemporary) row.seenAt(address);
    return row;
  }

  #failed(
    kind: DashboardFailure['kind'],
    { address, consumer = address }: { readonly address: string; readonly consumer?: string | undefined },
    error: unknown,
    decision: string,
    nowMs: number,
  ): OpenFailure {
    const at = this.activity.dated(nowMs);
    const failure: OpenFailure = {
      at,
      kind,
      connection: this.name,
      name: shortened(consumer),
      address: shortened(address),
      error: describeError(error, at),
      decision,
    };
    this.activity.failures.add(failure);
    return failure;
  }
}

function isThere(status: ConnectionStatus): boolean {
  return status === 'connected' || status === 'blocked';
}
