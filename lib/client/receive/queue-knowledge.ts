// What a consumer knows of its queue: whether deliveries are counted there, and whether anything rejected is kept.

import { queueOf } from '../address/terminus.js';
import type { Source } from '../address/address.js';
import type { QueueFacts } from '../client-context.js';
import type { MessagingContext } from '../messaging-context.js';
import { redelivers } from '../policy/redelivering.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import type { ResolvedReceiveClientOptions } from './receive-client-options.js';

/** Asked once per consumer, before its first attach. */
export class QueueKnowledge {
  readonly #context: MessagingContext;
  readonly #queue: string | undefined;
  readonly #isReadFromOffset: boolean;
  #facts: QueueFacts | undefined = undefined;
  #counts = true;
  #isLogged = false;

  constructor(context: MessagingContext, source: Source) {
    this.#context = context;
    this.#queue = queueOf(source) ?? queueOfAddress(source);
    this.#isReadFromOffset = typeof source === 'object' && source.streamOffset !== undefined;
  }

  /** `modified{deliveryFailed}` raises the delivery-count here, so that a redelivery comes to an end. */
  get countsDeliveries(): boolean {
    return this.#counts;
  }

  /** A stream: what is given back there does not come again on the same link. */
  get isStream(): boolean {
    return this.#isReadFromOffset || this.#facts?.type === 'stream';
  }

  /** Declares and asks what has to be known before the attach. Rejects only when a declaration fails. */
  async learn(profile: PeerProfile, options: ResolvedReceiveClientOptions, signal: AbortSignal): Promise<void> {
    const { queues } = this.#context;
    if (options.queues === 'declare' && this.#queue !== undefined) await queues?.declare(this.#queue, signal);
    if (profile.topology === 'rabbitmq-management' && profile.countsDeliveries === 'by-queue-type')
      this.#facts ??= await this.#ask(signal);
    this.#counts = counts(profile, this.#facts);
  }

  /** Says once what the operator ought to know. After the attach: what is refused needs no advice. */
  report({ errorPolicy, settlement }: ResolvedReceiveClientOptions): void {
    if (this.#isLogged) return;
    this.#isLogged = true;
    if (settlement === 'at-most-once') return;
    const name = this.#queue ?? 'the source';
    const { logger } = this.#context;
    if (!this.#counts && redelivers(errorPolicy))
      logger.warn(
        `"${name}" does not count deliveries (a quorum queue does): a message is not redelivered, what the policy says for the last delivery follows at once`,
      );
    if (this.#facts?.deadLetters === false)
      logger.warn(`"${name}" has no dead-letter target: what is rejected there is lost`);
  }

  async #ask(signal: AbortSignal): Promise<QueueFacts | undefined> {
    if (this.#queue === undefined) return undefined;
    try {
      return await this.#context.queues?.inspect(this.#queue, signal);
    } catch {
      // Not allowed to ask, or no answer: the attach itself will tell what is wrong, and not knowing is the careful assumption.
      return undefined;
    }
  }
}

function counts(profile: PeerProfile, facts: QueueFacts | undefined): boolean {
  switch (profile.countsDeliveries) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'by-queue-type':
      return facts?.type === 'quorum';
  }
}

/** The queue of an address that is written as it goes on the wire. */
function queueOfAddress(source: Source): string | undefined {
  const address = typeof source === 'string' ? source : source.address;
  const [, encoded] = /^\/queues\/([^/]+)$/.exec(address ?? '') ?? [];
  if (encoded === undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
