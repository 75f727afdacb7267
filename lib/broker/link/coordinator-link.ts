// The transaction coordinator's link (section 4.3): declare and discharge.

import type {
  Outcome,
  PeerError,
  PeerSends,
  ReceiverLink,
  ServerDelivery,
  ServerLink,
} from '../../protocol/acceptor/index.js';
import { DecodeError, decodeMessageInto, Described, type AmqpMessage } from '../../protocol/acceptor/index.js';
import type { Transactions } from '../transaction/transactions.js';

const CAPABILITIES = ['amqp:local-transactions', 'amqp:multi-txns-per-ssn', 'amqp:multi-ssns-per-txn'];
const DECLARE: ReadonlySet<unknown> = new Set([0x31, 'amqp:declare:list']);
const DISCHARGE: ReadonlySet<unknown> = new Set([0x32, 'amqp:discharge:list']);
const CREDIT = 100;
const MAX_BYTES = 4_096;

export class CoordinatorLink {
  readonly #link: ReceiverLink & ServerLink;

  /** Accepts the attach and gives credit. When the link ends, what it declared and did not discharge is rolled back. */
  constructor(
    request: PeerSends,
    private readonly transactions: Transactions,
    private readonly onClosed: () => void,
  ) {
    this.#link = request.accept({
      target: {},
      coordinator: { capabilities: CAPABILITIES },
      maxMessageSize: MAX_BYTES,
      onDelivery: (delivery, payload, start, end) => this.#receive(delivery, payload, start, end),
      onClosed: () => this.#ended(),
    });
    this.#link.setPrefetch(CREDIT);
  }

  detach(error: PeerError): void {
    this.#ended();
    this.#link.close(error);
  }

  #receive(delivery: ServerDelivery, payload: Buffer, start: number, end: number): void {
    const request = delivery.oversized ? undefined : readRequest(payload, start, end);
    if (delivery.presettled) {
      // Nobody could be told the new id, or whether the discharge worked.
      delivery.done();
    } else if (request === undefined) {
      delivery.settle(rejected('amqp:decode-error', 'the message is neither a declare nor a discharge'));
    } else if (request.kind === 'discharge') {
      delivery.settle(this.transactions.discharge(request.transactionId, request.fail, this));
    } else if (request.isGlobal) {
      delivery.settle(rejected('amqp:not-implemented', 'there are only local transactions'));
    } else {
      const id = this.transactions.declare(this);
      if (id === undefined) delivery.settle(rejected('amqp:resource-limit-exceeded', 'too many transactions are open'));
      else delivery.declared(id);
    }
  }

  #ended(): void {
    this.transactions.rollBackOf(this);
    this.onClosed();
  }
}

type CoordinatorRequest =
  | { readonly kind: 'declare'; readonly isGlobal: boolean }
  | { readonly kind: 'discharge'; readonly transactionId: Buffer; readonly fail: boolean };

function readRequest(payload: Buffer, start: number, end: number): CoordinatorRequest | undefined {
  const message: AmqpMessage = { body: undefined, bodyType: 'none' };
  try {
    decodeMessageInto(message, payload, start, end);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
  const { body } = message;
  if (message.bodyType !== 'value' || !(body instanceof Described)) return undefined;
  const fields: readonly unknown[] = Array.isArray(body.value) ? body.value : [];
  const descriptor = typeof body.descriptor === 'bigint' ? Number(body.descriptor) : body.descriptor;
  if (DECLARE.has(descriptor)) {
    return { kind: 'declare', isGlobal: fields[0] !== undefined && fields[0] !== null };
  }
  const [transactionId, fail] = fields;
  if (!DISCHARGE.has(descriptor) || !Buffer.isBuffer(transactionId)) return undefined;
  return { kind: 'discharge', transactionId, fail: fail === true };
}

function rejected(condition: string, description: string): Outcome {
  return { kind: 'rejected', condition, description };
}
