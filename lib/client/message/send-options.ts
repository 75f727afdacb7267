import { InvalidOptionsError, type MessageId } from '../../protocol/index.js';
import { COMPRESSIONS, type Compression } from '../codec/compression.js';
import { MAX_TIMER_MS } from '../options/check.js';
import type { Transaction } from '../transaction/transaction.js';
import { checkFields, DATE, ID, RECORD, TEXT, UBYTE, UINT, whole, YES_OR_NO, type FieldCheck } from './field-check.js';

/** What stands beside the value in a send. Flat on purpose; each goes to the section where the specification has it. */
export interface SendOptions {
  /** @default a random UUID */
  readonly messageId?: MessageId | undefined;
  /** On the anonymous target: where the message goes, written as a target's string; needed there. */
  readonly to?: string | undefined;
  readonly subject?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly correlationId?: MessageId | undefined;
  /** Chooses the codec. @default by the kind of value */
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  /**
   * Compresses the body, off the event loop, and writes its content-encoding; received messages are decompressed by themselves. Messages
   * behind it keep their order. `zstd` needs Node 22.15 or later. `sendBatchMessage` compresses each message of the batch. @default none
   */
  readonly compress?: Compression | undefined;
  readonly groupId?: string | undefined;
  /** 0 to 2^32 - 1. */
  readonly groupSequence?: number | undefined;
  readonly userId?: string | undefined;
  /** Only written when given. */
  readonly creationTime?: Date | undefined;
  /** Time to live. Unit: milliseconds. Range: 0 to 2^32 - 1. @default none */
  readonly ttlMs?: number | undefined;
  /** 0 to 255. @default the peer's, which is 4 */
  readonly priority?: number | undefined;
  /** @default true */
  readonly durable?: boolean | undefined;
  /** The peer holds the message back that long; `not-supported` where it cannot. Unit: milliseconds. @default none */
  readonly delayMs?: number | undefined;
  readonly applicationProperties?: Record<string, unknown> | undefined;
  readonly messageAnnotations?: Record<string, unknown> | undefined;
  readonly deliveryAnnotations?: Record<string, unknown> | undefined;
  readonly footer?: Record<string, unknown> | undefined;
  /** `value` and `sequence` are sent as they are, without a codec. @default 'data' */
  readonly bodyType?: 'data' | 'value' | 'sequence' | undefined;
  /** `false`: a message that nobody takes is a success with `routed: false`. @default by the target */
  readonly mandatory?: boolean | undefined;
  /** From the call to the outcome. Unit: milliseconds. Range: 1 to 2 147 483 647. @default the client's sendTimeoutMs */
  readonly timeoutMs?: number | undefined;
  /** Gives up waiting; a message that was written may still arrive. */
  readonly signal?: AbortSignal | undefined;
  readonly transaction?: Transaction | undefined;
  /**
   * With `settleMode: 'mixed'` only: `true` sends this one pre-settled, so that it is a success as soon as it is written.
   * @default false
   */
  readonly settled?: boolean | undefined;
}

const CHECKS: ReadonlyMap<string, FieldCheck> = new Map<keyof SendOptions, FieldCheck>([
  ['messageId', ID],
  ['to', TEXT],
  ['subject', TEXT],
  ['replyTo', TEXT],
  ['correlationId', ID],
  ['contentType', TEXT],
  ['contentEncoding', TEXT],
  [
    'compress',
    [
      `one of ${COMPRESSIONS.map((name) => `'${name}'`).join(', ')}`,
      (value) => COMPRESSIONS.some((name) => name === value),
    ],
  ],
  ['groupId', TEXT],
  ['groupSequence', UINT],
  ['userId', TEXT],
  ['creationTime', DATE],
  ['ttlMs', UINT],
  ['priority', UBYTE],
  ['durable', YES_OR_NO],
  ['delayMs', whole(0, Number.MAX_SAFE_INTEGER)],
  ['applicationProperties', RECORD],
  ['messageAnnotations', RECORD],
  ['deliveryAnnotations', RECORD],
  ['footer', RECORD],
  [
    'bodyType',
    ["one of 'data', 'value', 'sequence'", (value) => ['data', 'value', 'sequence'].includes(String(value))],
  ],
  ['mandatory', YES_OR_NO],
  ['timeoutMs', whole(1, MAX_TIMER_MS)],
  ['signal', ['an AbortSignal', (value) => hasMethods(value, 'addEventListener') && 'aborted' in Object(value)]],
  ['settled', YES_OR_NO],
  ['transaction', ['a transaction', (value) => typeof value === 'object' && value !== null && 'id' in value]],
]);

/**
 * Checks every name and value; called for each send, so it only looks at what is there.
 *
 * @param path in front of the option's name in the error
 * @throws InvalidOptionsError
 */
export function checkSendOptions(options: unknown, path: string): SendOptions {
  if (typeof options !== 'object' || options === null)
    throw new InvalidOptionsError(path === '' ? 'options' : path, 'an object of options', options);
  checkFields(options, path, CHECKS);
  return options;
}

/** All options that there are, in one order, so that what reads them meets one shape. */
export type MergedSendOptions = { -readonly [Name in keyof SendOptions]-?: SendOptions[Name] | undefined };

/** A client's `defaults` and one call's options: the call wins, application properties and annotations are joined. */
export function mergeSendOptions(defaults: SendOptions, options: SendOptions): MergedSendOptions {
  return {
    messageId: options.messageId ?? defaults.messageId,
    to: options.to ?? defaults.to,
    subject: options.subject ?? defaults.subject,
    replyTo: options.replyTo ?? defaults.replyTo,
    correlationId: options.correlationId ?? defaults.correlationId,
    contentType: options.contentType ?? defaults.contentType,
    contentEncoding: options.contentEncoding ?? defaults.contentEncoding,
    compress: options.compress ?? defaults.compress,
    groupId: options.groupId ?? defaults.groupId,
    groupSequence: options.groupSequence ?? defaults.groupSequence,
    userId: options.userId ?? defaults.userId,
    creationTime: options.creationTime ?? defaults.creationTime,
    ttlMs: options.ttlMs ?? defaults.ttlMs,
    priority: options.priority ?? defaults.priority,
    durable: options.durable ?? defaults.durable,
    delayMs: options.delayMs ?? defaults.delayMs,
    applicationProperties: join(defaults.applicationProperties, options.applicationProperties),
    messageAnnotations: join(defaults.messageAnnotations, options.messageAnnotations),
    deliveryAnnotations: options.deliveryAnnotations ?? defaults.deliveryAnnotations,
    footer: options.footer ?? defaults.footer,
    bodyType: options.bodyType ?? defaults.bodyType,
    mandatory: options.mandatory ?? defaults.mandatory,
    timeoutMs: options.timeoutMs ?? defaults.timeoutMs,
    settled: options.settled ?? defaults.settled,
    signal: options.signal ?? defaults.signal,
    transaction: options.transaction ?? defaults.transaction,
  };
}

function join(
  defaults: Record<string, unknown> | undefined,
  own: Record<string, unknown> | undefined,
): Record<string, unknown> | undefined {
  return defaults === undefined || own === undefined ? (own ?? defaults) : { ...defaults, ...own };
}

function hasMethods(value: unknown, method: string): boolean {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, method) === 'function';
}
