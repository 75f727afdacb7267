// A message that failed for good: a copy with the reason to its dead-letter target.

import { ACCEPTED, AmqpError, type AmqpMessage, type Outcome } from '../../protocol/index.js';
import type { Target } from '../address/address.js';
import { checkTarget } from '../address/check-address.js';
import type { TransactionAccess } from '../client-context.js';
import { deadline } from '../deadline.js';
import { AmqpTimeoutError } from '../errors.js';
import type { MessagingContext } from '../messaging-context.js';
import { createMessage } from '../message/create-message.js';
import { namesAnotherUser } from '../message/foreign-user.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import { rawBodyOf } from '../message/raw-body.js';
import { errorName } from '../policy/error-name.js';
import { resolveSendClientOptions } from '../send/send-client-options.js';
import { SendClient } from '../send/send-client.js';
import type { Transaction } from '../transaction/transaction.js';

const TRANSACTION_TIMEOUT_MS = 60_000;
/** A coordinator that takes longer is done without. */
const REACH_TIMEOUT_MS = 10_000;

/** A policy of the user's may name a target per message; the links for them stay few. */
const MAX_SENDERS = 16;

/** The senders to the dead-letter targets of one consumer. */
export class DeadLetters {
  readonly #context: MessagingContext;
  readonly #senders = new Map<string, SendClient>();

  constructor(
    context: MessagingContext,
    private readonly isTransactional: () => boolean,
  ) {
    // Closed by the consumer, after its handlers: not by the connection beside them.
    this.#context = { ...context, register: () => undefined, unregister: () => undefined };
  }

  /**
   * Resolves when the peer has the copy and the message is accepted: both in one transaction where this peer and its link can, else one
   * after the other, which may leave both.
   *
   * @throws SendError, InvalidOptionsError, TransactionError
   */
  async send(target: Target, message: IncomingMessage, error: unknown): Promise<void> {
    const copy = createMessage(copyOf(message, error, namesAnotherUser(message, this.#context.links)));
    const sender = this.#sender(target);
    const { transactions } = this.#context;
    if (transactions === undefined || message.settled || !(await this.#canSettleIn(transactions))) {
      await sender.send(copy, { mandatory: true });
      message.settle(ACCEPTED);
      return;
    }
    const work = async (transaction: Transaction): Promise<void> => {
      await sender.send(copy, { mandatory: true, transaction });
      message.settle(ACCEPTED, transaction);
    };
    await transactions.run(work, { timeoutMs: TRANSACTION_TIMEOUT_MS, signal: undefined });
  }

  /** Whether the messages of this consumer may be settled in a transaction. */
  async #canSettleIn(transactions: TransactionAccess): Promise<boolean> {
    const wait = deadline(REACH_TIMEOUT_MS, () =>
      AmqpError.inOwnWords(new AmqpTimeoutError('the coordinator did not answer')),
    );
    const reach = await transactions.reach(wait.signal);
    wait.done();
    return reach === 'any' || (reach === 'own' && this.isTransactional());
  }

  async close(timeoutMs: number): Promise<void> {
    const senders = [...this.#senders.values()];
    this.#senders.clear();
    await Promise.all(senders.map((sender) => sender.close({ timeoutMs })));
  }

  #sender(target: Target): SendClient {
    const key = JSON.stringify(target);
    let sender = this.#senders.get(key);
    if (sender === undefined) {
      sender = new SendClient(
        this.#context,
        checkTarget(target, 'policy.deadLetter.target'),
        resolveSendClientOptions({ whenFull: 'wait' }),
      );
      const [oldest] = this.#senders;
      if (this.#senders.size === MAX_SENDERS && oldest !== undefined) {
        this.#senders.delete(oldest[0]);
        void oldest[1].close();
      }
    } else this.#senders.delete(key);
    // The map's order is that of the last use.
    this.#senders.set(key, sender);
    return sender;
  }
}

/**
 * Without what belonged to the failed delivery: its count, its time to live (it would expire where it shall be looked at).
 *
 * @param isForeign its user is one that this peer takes from nobody else; the name goes to an annotation
 */
function copyOf(message: IncomingMessage, error: unknown, isForeign: boolean): Partial<AmqpMessage> {
  const { durable, priority } = message.header ?? {};
  const raw = rawBodyOf(message);
  return {
    header: { durable: durable ?? true, priority },
    properties: isForeign ? { ...message.properties, userId: undefined } : message.properties,
    applicationProperties: message.applicationProperties,
    footer: message.footer,
    messageAnnotations: {
      ...message.messageAnnotations,
      ...reasons(message, error),
      ...(isForeign && { 'x-opt-death-user-id': message.properties?.userId?.toString() }),
    },
    body: raw,
    // What could not even be split into sections is kept as the bytes it was.
    bodyType: message.bodyType === 'none' && raw !== undefined ? 'data' : message.bodyType,
  };
}

function reasons(message: IncomingMessage, error: unknown): Record<string, string> {
  const { outcome } = message;
  const known = error instanceof AmqpError ? error : undefined;
  const condition = known?.condition ?? known?.code ?? rejectedWith(outcome);
  return {
    'x-opt-death-reason': 'policy',
    'x-opt-death-queue': message.address,
    'x-opt-death-error': errorName(error),
    ...(condition !== undefined && { 'x-opt-death-condition': condition }),
    // Our own words hold no body and no secret; those of other errors may.
    ...(AmqpError.hasOwnWords(error) && { 'x-opt-death-description': error.message }),
  };
}

function rejectedWith(outcome: Outcome | undefined): string | undefined {
  return outcome?.kind === 'rejected' ? outcome.condition : undefined;
}
