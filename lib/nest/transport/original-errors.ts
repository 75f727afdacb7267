// What Nest compiles of a @MessagePattern or @EventPattern method comes to a server as one function, whose errors its built-in filter
// has made unreadable. There is no way to give that compiler other parts; so the two that matter are told apart by their context.

import type { ArgumentsHost } from '@nestjs/common';
import { isObservable } from 'rxjs';

import { isAmqpContext } from '../amqp-context.js';
import { originalError } from '../consumer/original-error.js';
import { InterceptorsConsumer, RpcExceptionsHandler } from '../nest-internals.js';

// Symbol.for: the copy of the other module format finds it done.
const DONE = Symbol.for('nestjs-amqp10:original-errors');

/**
 * From now on handlers that are called with an AmqpContext fail with the error that was thrown, unless a user's filter handles it, and
 * note on the context whether they returned an Observable themselves. Handlers of other transports are not concerned. Twice is harmless.
 */
export function keepOriginalErrors(): void {
  const filters = RpcExceptionsHandler.prototype;
  if (Object.hasOwn(filters, DONE)) return;
  Object.defineProperty(filters, DONE, { value: true });
  // oxlint-disable-next-line typescript/unbound-method -- called with the `this` of the call it stands for
  const { handle } = filters;
  filters.handle = function (this: RpcExceptionsHandler, error: Error, host: ArgumentsHost, ...rest: []) {
    const isOurs = isAmqpContext(host.getArgByIndex(1));
    return isOurs ? originalError(this, error, host) : handle.call(this, error, host, ...rest);
  };
  const interceptors = InterceptorsConsumer.prototype;
  // oxlint-disable-next-line typescript/unbound-method -- as above
  const { intercept } = interceptors;
  interceptors.intercept = function (this: InterceptorsConsumer, ...given: Parameters<typeof intercept>) {
    const [list, args, instance, callback, next, type] = given;
    const context: unknown = args[1];
    if (!isAmqpContext(context)) return intercept.apply(this, given);
    const marked = async (): Promise<unknown> => {
      const result: unknown = await next();
      if (isObservable(result)) context.isStream = true;
      return result;
    };
    return intercept.call(this, list, args, instance, callback, marked, type);
  };
}
