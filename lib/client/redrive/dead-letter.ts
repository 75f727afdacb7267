// A dead letter: where it came from, and the message as it was before it died.

import type { AmqpMessage } from '../../protocol/index.js';
import { createMessage } from '../message/create-message.js';
import { namesAnotherUser, type Login } from '../message/foreign-user.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import { rawBodyOf } from '../message/raw-body.js';

/** Says in which run a message was moved last: one that dies again at once is not moved twice in one run. */
export const REDRIVEN = 'x-opt-redriven';

/** What brokers and policies write about a death: ours, RabbitMQ's, Artemis'. */
const DEATH = /^x-(opt-)?(death-|deaths$|first-death-|last-death-|ORIG-)/;
/** Of deliveries that are over: a delay that has passed long ago, and RabbitMQ's counts. */
const SPENT: ReadonlySet<string> = new Set([
  'x-opt-delivery-delay',
  'x-opt-delivery-time',
  'x-opt-scheduled-enqueue-time',
  'x-delivery-count',
  'x-acquired-count',
]);
/** Names of one queue each; the last death first. */
const ORIGINS = [
  'x-opt-death-queue',
  'x-last-death-queue',
  'x-opt-last-death-queue',
  'x-first-death-queue',
  'x-opt-first-death-queue',
  'x-opt-ORIG-QUEUE',
  'x-opt-ORIG-ADDRESS',
];

/** The queue that it was in before; `undefined`: nothing on it says so. */
export function originOf({ messageAnnotations = {} }: AmqpMessage): string | undefined {
  const own = messageAnnotations['x-opt-death-queue'];
  // RabbitMQ: one map for each queue and reason, the latest first.
  const deaths = messageAnnotations['x-opt-deaths'];
  const latest: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  const queue = typeof latest === 'object' && latest !== null && 'queue' in latest ? latest.queue : undefined;
  const candidates = [own, queue, ...ORIGINS.map((name) => messageAnnotations[name])];
  return candidates.find((name) => typeof name === 'string' && name !== '') as string | undefined;
}

/** Whether its sections are there; where only its codec failed it can go back as the bytes it is. */
export function isReadable(message: IncomingMessage): boolean {
  // What could not be split into sections has all its bytes as the raw body, or none when it was too large.
  return message.failure === undefined || (message.body !== undefined && rawBodyOf(message) === message.body);
}

/**
 * Without what belonged to the delivery that failed and to the death: counts, time to live, delays, reasons; and without the name of
 * another user, where this peer takes it from nobody else.
 */
export function revived(message: IncomingMessage, run: string, login: Login): AmqpMessage {
  const userId = namesAnotherUser(message, login) ? undefined : message.properties?.userId;
  const { durable, priority } = message.header ?? {};
  const kept = Object.entries(message.messageAnnotations ?? {}).filter(
    ([name]) => !DEATH.test(name) && !SPENT.has(name),
  );
  return createMessage({
    header: { durable: durable ?? true, priority },
    properties: { ...message.properties, absoluteExpiryTime: undefined, userId },
    applicationProperties: message.applicationProperties,
    footer: message.footer,
    messageAnnotations: { ...Object.fromEntries(kept), [REDRIVEN]: run },
    body: rawBodyOf(message),
    bodyType: message.bodyType,
  });
}
