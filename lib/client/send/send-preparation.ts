// A message leaving, first step: value and options -> codec -> pending send.

import { BATCH_FORMAT, type AmqpMessage } from '../../protocol/index.js';
import type { Target } from '../address/address.js';
import { describeTarget } from '../address/terminus.js';
import type { MessagingContext } from '../messaging-context.js';
import { bytesOf } from '../message/body-bytes.js';
import { MessageIds } from '../message/message-ids.js';
import { isAmqpMessage } from '../message/message.js';
import { OutgoingMessages } from '../message/outgoing-message.js';
import { checkSendOptions, mergeSendOptions, type SendOptions } from '../message/send-options.js';
import { takeBytesOfText } from '../message/text-bytes.js';
import { nodeOfTarget, type ObservedNode } from '../observer/observed-node.js';
import type { Observers, RequestTokens } from '../observer/observers.js';
import { LocalTransaction } from '../transaction/local-transaction.js';
import { compressBody } from './compress-body.js';
import { PendingSend } from './pending-send.js';
import type { ResolvedSendClientOptions } from './send-client-options.js';
import type { SendLanes } from './send-lanes.js';

/** One annotation of a profile's, or an address in its form. */
const ANNOTATION_BYTES = 64;

/** Whether observers are told of a message, and of which request it is. */
export interface Observation {
  readonly isObserved: boolean;
  readonly requested?: RequestTokens | undefined;
}

const OBSERVED: Observation = { isObserved: true };
/** Of a message whose parts are, or that is held: that is told of when it is sent. */
export const UNOBSERVED: Observation = { isObserved: false };

/** Makes what one client sends. All that is wrong with a value or its options is thrown here. */
export class SendPreparation {
  readonly #context: MessagingContext;
  readonly #options: ResolvedSendClientOptions;
  readonly #lanes: SendLanes;
  readonly #address: string;
  readonly #isAnonymous: boolean;
  readonly #node: ObservedNode;
  readonly #messages: OutgoingMessages;
  #sequence = 0;

  constructor(context: MessagingContext, target: Target, options: ResolvedSendClientOptions, lanes: SendLanes) {
    this.#context = context;
    this.#options = options;
    this.#lanes = lanes;
    this.#address = describeTarget(target);
    this.#isAnonymous = target === null;
    this.#node = nodeOfTarget(target, options.isNamedByMessage);
    this.#messages = new OutgoingMessages(context.codecs.preferring(options.codec), new MessageIds());
  }

  /** @throws anything; the caller makes an EncodeError of it */
  prepare(value: unknown, given: SendOptions | undefined, observation?: Observation): PendingSend {
    const options = this.optionsOf(given);
    // A default is for the messages in a batch: as a whole it cannot be compressed.
    const isLeftOut = options?.compress !== undefined && given?.compress === undefined && isBatch(value);
    return this.make(value, isLeftOut ? { ...options, compress: undefined } : options, observation);
  }

  /**
   * @param options checked, with the defaults in them
   * @throws as `prepare`
   */
  make(value: unknown, options: SendOptions | undefined, observation = OBSERVED): PendingSend {
    const message = this.#messages.make(value, options);
    const transaction = options?.transaction && LocalTransaction.of(options.transaction, this.#context.links);
    const presettled = isPresettled(this.#options.settleMode, options?.settled) && transaction === undefined;
    const { sender } = this.#lanes.of(transaction);
    const pending = new PendingSend(sender, message, presettled);
    pending.messageFormat = message.messageFormat;
    pending.sequence = this.#sequence++;
    pending.timeoutMs = options?.timeoutMs ?? this.#options.sendTimeoutMs;
    if (this.#isAnonymous && message.properties?.to === undefined)
      throw new TypeError("on the anonymous target each message needs the option 'to'");
    if (options !== undefined) {
      pending.mandatory = options.mandatory;
      pending.signal = options.signal;
      pending.transaction = transaction;
    }
    if (options?.compress === undefined) pending.ownBody = takeBytesOfText(message);
    else compressBody(pending, options.compress, sender);
    // Behind everything that throws: who is told of a send is told of its end.
    if (observation.isObserved) this.#tell(pending, observation.requested);
    pending.bytes = bytesOf(pending.message);
    if (this.#isAnonymous || options?.delayMs !== undefined || dependsOnPeer(message))
      pending.unfinished = { address: this.#isAnonymous, delayMs: options?.delayMs };
    return pending;
  }

  /** A message that was held is sent: only now observers hear of it, who take the time until its end. */
  sendHeld(pending: PendingSend): void {
    this.#tell(pending);
    if (dependsOnPeer(pending.message)) pending.unfinished ??= { address: false, delayMs: undefined };
  }

  /** The message with what observers add to it, and whom to tell of its end; `undefined`: nobody listens. */
  observe(message: AmqpMessage, requested?: RequestTokens): ReturnType<Observers['sending']> | undefined {
    const { observers } = this.#context;
    if (!observers.watchesSends) return undefined;
    return observers.sending({ address: this.#address, node: this.#node, message }, requested);
  }

  /** The message alone, for what is sent within another. @throws as `prepare` */
  message(value: unknown, options: SendOptions): AmqpMessage {
    return this.#messages.make(value, options);
  }

  /** The client's defaults, with these over them. @throws InvalidOptionsError */
  optionsOf(given: SendOptions | undefined): SendOptions | undefined {
    const { defaults } = this.#options;
    if (given === undefined) return defaults;
    const checked = checkSendOptions(given, '');
    return defaults === undefined ? checked : mergeSendOptions(defaults, checked);
  }

  /** Bytes that the peer's profile may add to a message after it was made: a guess on the safe side. */
  addedLater({ delayMs, to = '' }: SendOptions): number {
    const annotation = delayMs === undefined ? 0 : ANNOTATION_BYTES;
    const address = this.#isAnonymous ? ANNOTATION_BYTES + 2 * Buffer.byteLength(to) : 0;
    return annotation + address;
  }

  #tell(pending: PendingSend, requested?: RequestTokens): void {
    const observed = this.observe(pending.message, requested);
    if (observed === undefined) return;
    pending.message = observed.message;
    pending.tokens = observed.tokens;
  }
}

function isBatch(value: unknown): boolean {
  return isAmqpMessage(value) && value.messageFormat === BATCH_FORMAT;
}

/** @throws TypeError when the link cannot send a single message the other way */
function isPresettled(mode: 'unsettled' | 'settled' | 'mixed', asked: boolean | undefined): boolean {
  if (mode === 'mixed') return asked === true;
  const isSettled = mode === 'settled';
  if (asked === undefined || asked === isSettled) return isSettled;
  throw new TypeError(`settled: ${String(asked)} needs a client of settleMode 'mixed', this one is '${mode}'`);
}

/** It has something that some peers cannot take. */
function dependsOnPeer(message: AmqpMessage): boolean {
  const { messageAnnotations, deliveryAnnotations, messageFormat, properties } = message;
  if (messageAnnotations !== undefined || deliveryAnnotations !== undefined) return true;
  return messageFormat !== undefined || properties?.userId !== undefined;
}
