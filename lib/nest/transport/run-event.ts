// A message arriving: ... your @EventPattern methods, all at once -> policy -> settle.

import type { MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';

import type { AmqpContext } from '../amqp-context.js';
import { isAsyncIterable, ReplyStream } from '../reply/reply-stream.js';

/** Resolves when every handler is through; rejects then with the failure of the first in order that failed. */
export async function runEvent(
  handlers: readonly MessageHandler[],
  data: unknown,
  context: AmqpContext,
): Promise<void> {
  const ended = await Promise.allSettled(handlers.map(async (handler) => endOf(await handler(data, context), context)));
  const failed = ended.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** What a handler gives is waited for, to its end. */
async function endOf(result: unknown, context: AmqpContext): Promise<void> {
  const value: unknown = isObservable(result) ? await lastValueFrom(result, { defaultValue: undefined }) : result;
  if (isAsyncIterable(value)) await new ReplyStream(undefined).pull(value, context.signal);
}
