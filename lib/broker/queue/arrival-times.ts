// When a message that arrives can be delivered first, and until when.

import type { MessageContent } from '../message/message-content.js';
import type { ArrivalFacts } from '../message/queued-message.js';
import type { QueueSettings } from './queue-settings.js';

export interface ArrivalTimes {
  /** Later than `now`; `undefined`: at once. */
  readonly dueAt: number | undefined;
  /** End of the lifetime the sender asked for. */
  readonly ttlEndsAt: number | undefined;
  /** The earliest of all limits: the sender's ttl and absolute expiry time, the queue's own. */
  readonly expiresAt: number | undefined;
}

const DELAY = 'x-opt-delivery-delay';
const TIME = 'x-opt-delivery-time';
/** Latest time a Date can hold: what lies beyond is never. */
const LATEST = 8_640_000_000_000_000;

/** All times are milliseconds of the epoch. A dead letter has neither lifetime nor delay left; the queue's limit holds for it too. */
export function arrivalTimes(
  content: MessageContent,
  facts: ArrivalFacts,
  settings: QueueSettings,
  now: number,
): ArrivalTimes {
  const queueLimit = settings.messageTtlMs === undefined ? undefined : now + settings.messageTtlMs;
  if (facts.isDeadLetter === true) return { dueAt: undefined, ttlEndsAt: undefined, expiresAt: queueLimit };
  const { ttl } = content.header;
  const ttlEndsAt = ttl === undefined ? undefined : now + ttl;
  const limits = [ttlEndsAt, content.absoluteExpiryTime, queueLimit].filter((limit) => limit !== undefined);
  return {
    dueAt: dueTime(content, now),
    ttlEndsAt,
    expiresAt: limits.length === 0 ? undefined : Math.min(...limits),
  };
}

function dueTime(content: MessageContent, now: number): number | undefined {
  const { [DELAY]: delay, [TIME]: time } = content.annotations;
  const delayMs = milliseconds(delay);
  const dueAt = delayMs === undefined ? milliseconds(time) : now + delayMs;
  return dueAt !== undefined && dueAt > now ? Math.min(dueAt, LATEST) : undefined;
}

function milliseconds(value: unknown): number | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.getTime() : undefined;
}
