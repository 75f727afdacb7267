// A message arriving: ... your @MessagePattern method -> (here) -> replies -> settle.

import type { MessageHandler } from '@nestjs/microservices';
import { fromEvent, isObservable, lastValueFrom, mergeMap, type Observable, takeUntil, takeWhile } from 'rxjs';

import type { AmqpLogger } from '../../client/index.js';
import type { AmqpContext } from '../amqp-context.js';
import type { Reply } from '../reply/replies.js';

/** Replies of one stream whose acceptance is waited for at once. */
const MOST_AT_ONCE = 100;

/** Calls the handler and answers with what it gives or throws. Resolves when the last reply is out: the request is done then. */
export async function answerRequest(
  handler: MessageHandler,
  data: unknown,
  context: AmqpContext,
  reply: Reply | undefined,
  logger: AmqpLogger,
): Promise<void> {
  try {
    const result: unknown = await handler(data, context);
    if (isObservable(result) && context.isStream) await streamTo(reply, result, context);
    else await reply?.value(await lastOf(result));
  } catch (error) {
    // The requester is told no more than it may know; with none, this is all that is left of it.
    const text = error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error);
    logger.error(`${context.getPattern()}: a request failed: ${text}`);
    await reply?.error(error);
  }
}

/** With interceptors every result is an Observable, also of a handler that returned a value. */
export async function lastOf(result: unknown): Promise<unknown> {
  return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
}

/** Ends early when nobody takes the replies any more, or the request is given up. */
async function streamTo(reply: Reply | undefined, values: Observable<unknown>, context: AmqpContext): Promise<void> {
  const { signal } = context;
  if (reply === undefined) {
    await lastValueFrom(values.pipe(takeUntil(fromEvent(signal, 'abort'))), { defaultValue: undefined });
    return;
  }
  const taken = values.pipe(
    takeUntil(fromEvent(signal, 'abort')),
    mergeMap((value) => reply.next(value), MOST_AT_ONCE),
    takeWhile((isTaken) => isTaken, true),
  );
  const isTaken = await lastValueFrom(taken, { defaultValue: true });
  if (isTaken && !signal.aborted) await reply.complete();
}
