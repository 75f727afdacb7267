import type { DiscoveryService, MetadataScanner, ModuleRef } from '@nestjs/core';
import type { MessageHandler } from '@nestjs/microservices';
import { Observable } from 'rxjs';

import type { AmqpContext } from '../amqp-context.js';
import { HandlerPipeline, type RunHandler, STREAMED } from '../consumer/handler-pipeline.js';
import { ListenerMetadataExplorer } from '../nest-internals.js';

/** A handler of the application, as `addHandler` of a server takes it. */
export interface PatternHandler {
  readonly pattern: unknown;
  readonly handler: MessageHandler;
  readonly isEventHandler: boolean;
  readonly extras: Record<string, unknown>;
}

/**
 * The `@MessagePattern` and `@EventPattern` methods of an application's controllers, with its global enhancers. What Nest compiles for a
 * connected microservice has them only where `connectMicroservice` was told so, and cannot be given them afterwards.
 *
 * @param transportId those for another transport are left out
 */
export function inheritedHandlers(
  discovery: DiscoveryService,
  scanner: MetadataScanner,
  moduleRef: ModuleRef,
  transportId: unknown,
): readonly PatternHandler[] {
  const explorer = new ListenerMetadataExplorer(scanner);
  const pipeline = new HandlerPipeline(moduleRef, { inheritAppConfig: true });
  return discovery.getControllers().flatMap((wrapper) =>
    explorer
      .explore(wrapper.instance as never) // true: a controller
      .filter(({ transport }) => transport === undefined || transport === transportId)
      .flatMap(({ methodKey, patterns, isEventHandler, extras = {} }) => {
        const run = pipeline.compile(wrapper, methodKey);
        return patterns.map((pattern) => ({ pattern, handler: observed(run), isEventHandler, extras }));
      }),
  );
}

/** As a handler of Nest gives an Observable: the values of a stream, or the one value. */
function observed(run: RunHandler): MessageHandler {
  return (data: unknown, context: AmqpContext) =>
    Promise.resolve(
      new Observable<unknown>((subscriber) => {
        const emit = (value: unknown): void => {
          // Ends the stream that nobody hears any more.
          if (subscriber.closed) throw new Error('the replies are not taken any more');
          context.isStream = true;
          subscriber.next(value);
        };
        run(data, context, emit).then(
          (result) => {
            if (result === STREAMED) context.isStream = true;
            else subscriber.next(result);
            subscriber.complete();
          },
          (error: unknown) => subscriber.error(error),
        );
      }),
    );
}
