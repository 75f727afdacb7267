// A message leaving as one of a batch: values -> encoded messages -> as few transfers as the peer's limit allows -> one result.

import { AmqpError, BATCH_FORMAT, encodeMessage, type AmqpMessage, type MessageId } from '../../protocol/index.js';
import { BatchSendError, MessageTooLargeError, SendError, SendQueueFullError } from '../errors.js';
import { createMessage } from '../message/create-message.js';
import type { SendOptions } from '../message/send-options.js';
import type { Observers, SendTokens } from '../observer/observers.js';
import { packBatch } from './batch-parts.js';
import { compressMessage } from './compress-body.js';
import type { BatchSuccess, SendResult, SendSuccess } from './send-result.js';

/** What a batch needs of its send client. */
export interface BatchHost {
  readonly address: string;
  readonly maxPendingBytes: number;
  readonly sendTimeoutMs: number;
  /** The client's defaults, with these over them. @throws InvalidOptionsError */
  optionsOf(options: SendOptions): SendOptions;
  /** @throws whatever the codec throws */
  make(value: unknown, options: SendOptions): AmqpMessage;
  /** The message with what observers add to it, and whom to tell of its end; `undefined`: nobody listens. */
  observe(message: AmqpMessage): ReturnType<Observers['sending']> | undefined;
  /** Tells those of a message's end. */
  sent(tokens: SendTokens, result: SendResult): void;
  /** Bytes that may come to a message of these options between here and the wire. */
  addedLater(options: SendOptions): number;
  /** The peer's max-message-size, as soon as the link says it. Rejects SendError. */
  limit(options: SendOptions, timeoutMs: number): number | undefined | Promise<number | undefined>;
  /** What delays each message where the peer takes the batch apart; known as soon as the link is there. Rejects SendError. */
  delay(options: SendOptions, timeoutMs: number): Promise<Record<string, unknown>>;
  /** @param isFirst the others follow it through a full queue, so that no batch is cut short for want of room */
  submit(message: AmqpMessage, options: SendOptions, isFirst: boolean): Promise<SendResult>;
  /** Whatever is wrong with the values. */
  refusal(cause: unknown): SendError;
}

/** The data section of an encoded message of no bytes, which is measured with the envelope. */
const EMPTY_SECTION = 5;

/** One message of a batch, for those who were told of it. */
interface ToldMember {
  readonly messageId: MessageId | undefined;
  readonly tokens: SendTokens;
}

/**
 * Nothing is sent unless every value can be. Observers are told of each value as of a message of its own, and not of the transfers.
 *
 * @throws SendError
 */
export async function sendBatchMessage(
  values: Iterable<unknown>,
  given: SendOptions,
  host: BatchHost,
): Promise<BatchSuccess> {
  const told: ToldMember[] = [];
  try {
    return await sendParts(values, given, host, told);
  } catch (error) {
    // What was told of the end already is not among them any more.
    tellEnd(host, told, { ok: false, error: error instanceof SendError ? error : host.refusal(error), attempts: 0 });
    throw error;
  }
}

/** @param told gets those who are to be told; empty again when they were */
async function sendParts(
  values: Iterable<unknown>,
  given: SendOptions,
  host: BatchHost,
  told: ToldMember[],
): Promise<BatchSuccess> {
  const startedAt = performance.now();
  let encoded: Buffer[];
  let envelope: number;
  try {
    const options = host.optionsOf(given);
    const delay =
      options.delayMs === undefined ? undefined : await host.delay(options, options.timeoutMs ?? host.sendTimeoutMs);
    const into = new EncodedValues(host, told, delay);
    encoded =
      options.compress === undefined
        ? encodeAll(values, options, into, host)
        : await compressAll(values, options, into, host);
    envelope = envelopeSize(given, host);
  } catch (error) {
    throw host.refusal(error);
  }
  const whole = ofTheWhole(given);
  const timeoutMs = whole.timeoutMs ?? host.sendTimeoutMs;
  const known = host.limit(whole, timeoutMs);
  const limit = known instanceof Promise ? await known : known;
  const { parts, tooLarge } = packBatch(encoded, (limit ?? Infinity) - envelope);
  if (tooLarge.length > 0) throw tooLargeAlone(tooLarge, encoded, limit, host.address);
  const left = Math.max(1, Math.ceil(timeoutMs - (performance.now() - startedAt)));
  const { messageId: _first, ...others } = whole;
  const results = parts.map((part, index) =>
    host.submit(batchOf(part), { ...(index === 0 ? whole : others), timeoutMs: left }, index === 0),
  );
  const ended = await Promise.all(results);
  for (const [index, result] of ended.entries()) tellEnd(host, told.splice(0, parts[index]?.length), result);
  return together(ended);
}

function tellEnd(host: BatchHost, members: readonly ToldMember[], result: SendResult): void {
  for (const { messageId, tokens } of members)
    host.sent(tokens, messageId === undefined ? result : { ...result, messageId });
}

/** Takes each value once. */
function encodeAll(values: Iterable<unknown>, options: SendOptions, encoded: EncodedValues, host: BatchHost): Buffer[] {
  const { messageId: _whole, ...each } = options;
  for (const value of values) encoded.add(host.make(value, each));
  return encoded.all;
}

/** The same with each body compressed, as the receivers of single messages and `unbatch()` read it. */
async function compressAll(
  values: Iterable<unknown>,
  options: SendOptions,
  encoded: EncodedValues,
  host: BatchHost,
): Promise<Buffer[]> {
  const { messageId: _whole, compress, ...each } = options;
  for (const value of values) {
    const message = host.make(value, each);
    if (compress !== undefined) await compressMessage(message, compress);
    encoded.add(message);
  }
  return encoded.all;
}

class EncodedValues {
  readonly #host: BatchHost;
  readonly #told: ToldMember[];
  readonly #delay: Record<string, unknown> | undefined;
  readonly #encoded: Buffer[] = [];
  #bytes = 0;

  /** @param told gets those who are told of what is added */
  constructor(host: BatchHost, told: ToldMember[], delay: Record<string, unknown> | undefined) {
    this.#delay = delay;
    this.#host = host;
    this.#told = told;
  }

  /** @throws TypeError when there is none */
  get all(): Buffer[] {
    if (this.#encoded.length === 0) throw new TypeError('a batch message needs at least one value');
    return this.#encoded;
  }

  /** @throws SendQueueFullError, EncodingFailure */
  add(message: AmqpMessage): void {
    const observed = this.#host.observe(message);
    if (observed !== undefined) this.#told.push({ messageId: message.properties?.messageId, tokens: observed.tokens });
    const whole = observed?.message ?? message;
    const delay = this.#delay;
    const encoded = encodeMessage(
      delay === undefined ? whole : { ...whole, messageAnnotations: { ...whole.messageAnnotations, ...delay } },
    );
    this.#encoded.push(encoded);
    this.#bytes += encoded.length;
    const { address, maxPendingBytes } = this.#host;
    if (this.#bytes <= maxPendingBytes) return;
    const why = `the batch has more bytes than maxPendingBytes (${maxPendingBytes})`;
    throw AmqpError.inOwnWords(
      new SendQueueFullError(`a send to "${address}" failed: ${why}`, address, { retryable: false }),
    );
  }
}

/** What stands on the transfers and is not of their messages alone. */
function ofTheWhole(given: SendOptions): SendOptions {
  const { contentType: _inner, bodyType: _body, applicationProperties: _each, compress: _bodies, ...whole } = given;
  return whole;
}

/** The other sections of a transfer: of the first, or of one of the others, whichever has the longer message-id. */
function envelopeSize(given: SendOptions, host: BatchHost): number {
  const whole = ofTheWhole(given);
  const { messageId: _first, ...others } = whole;
  const sizes = [whole, others].map((options) => {
    return encodeMessage(host.make(batchOf([Buffer.alloc(0)]), host.optionsOf(options))).length;
  });
  return Math.max(...sizes) - EMPTY_SECTION + host.addedLater(given);
}

function batchOf(part: readonly Buffer[]): AmqpMessage {
  return createMessage({ body: part, bodyType: 'data', messageFormat: BATCH_FORMAT });
}

function tooLargeAlone(
  places: readonly number[],
  encoded: readonly Buffer[],
  limit: number | undefined,
  address: string,
): MessageTooLargeError {
  const named = places.slice(0, 3).map((place) => `value ${place} (${encoded[place]?.length ?? 0} bytes)`);
  const others = places.length > named.length ? ` and ${places.length - named.length} others` : '';
  const why = `${named.join(', ')}${others} cannot be sent alone either, the peer's limit is ${limit ?? 0} bytes`;
  return AmqpError.inOwnWords(
    new MessageTooLargeError(`a send to "${address}" failed: ${why}; nothing was sent`, address),
  );
}

/** @throws SendError of the one transfer, or BatchSendError over several */
function together(results: readonly SendResult[]): BatchSuccess {
  const transfers: SendSuccess[] = results.filter((result) => result.ok);
  const [first] = transfers;
  if (first === undefined || transfers.length < results.length) {
    const [only] = results;
    throw results.length === 1 && only?.ok === false ? only.error : new BatchSendError(results);
  }
  return {
    ...first,
    routed: transfers.every(({ routed }) => routed),
    attempts: transfers.reduce((sum, { attempts }) => sum + attempts, 0),
    transfers,
  };
}
