// A message arriving: ... your @MessagePattern method -> (here) -> replies -> settle.

import type { MessageHandler } from '@nestjs/microservices';
import { fromEvent, isObservable, lastValueFrom, merge, type Observable, Subject, takeUntil, tap } from 'rxjs';

import type { AmqpLogger } from '../../client/index.js';
import { AnsweredFailure } from '../../client/observer/index.js';
import type { AmqpContext } from '../amqp-context.js';
import type { Reply } from '../reply/replies.js';
import { isAsyncIterable, ReplyStream } from '../reply/reply-stream.js';

/**
 * Calls the handler and answers with what it gives or throws. Resolves when the last reply is out: the request is done then, also when it
 * resolves to the failure that was answered.
 */
export async function answerRequest(
  handler: MessageHandler,
  data: unknown,
  context: AmqpContext,
  reply: Reply | undefined,
  logger: AmqpLogger,
): Promise<AnsweredFailure | undefined> {
  try {
    const result: unknown = await handler(data, context);
    if (isObservable(result)) await answerAll(result, context, reply);
    else await answerOne(result, context, reply);
    return undefined;
  } catch (error) {
    // The requester is told no more than it may know; with none, this is all that is left of it.
    const text = error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error);
    logger.error(`${context.getPattern()}: a request failed: ${text}`);
    await reply?.error(error);
    return new AnsweredFailure(error);
  }
}

/** With interceptors every result is an Observable, also of a handler that returned a value; `isStream` is known with its first value. */
async function answerAll(values: Observable<unknown>, context: AmqpContext, reply: Reply | undefined): Promise<void> {
  const { signal } = context;
  const refused = new Subject<void>();
  const stream = new ReplyStream(reply, () => refused.next());
  // Ends early when nobody takes the replies any more, or the request is given up.
  const sent = values.pipe(
    takeUntil(merge(fromEvent(signal, 'abort'), refused)),
    tap((value) => {
      if (context.isStream) stream.push(value);
    }),
  );
  try {
    const last = await lastValueFrom(sent, { defaultValue: undefined });
    if (!context.isStream) await answerOne(last, context, reply);
    else if (!signal.aborted) await stream.end();
  } catch (error) {
    await stream.flushed(); // what came before it comes before it
    throw error;
  }
}

async function answerOne(value: unknown, context: AmqpContext, reply: Reply | undefined): Promise<void> {
  if (!isAsyncIterable(value)) return reply?.value(value);
  const { signal } = context;
  const stream = new ReplyStream(reply);
  try {
    await stream.pull(value, signal);
  } finally {
    await stream.flushed();
  }
  if (!signal.aborted) await stream.end();
}
