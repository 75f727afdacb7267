import { type CustomTransportStrategy, Server } from '@nestjs/microservices';

/**
 * A microservice without a transport: an application context that also has `useGlobalPipes` and its like, and needs no HTTP platform.
 * Handlers of `@MessagePattern` are taken and never called.
 */
export class NoTransport extends Server implements CustomTransportStrategy {
  listen(callback: () => void): void {
    callback();
  }

  close(): void {
    // There is nothing to close.
  }

  on(): this {
    return this;
  }

  // The base class says it so.
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  unwrap<T>(): T {
    throw new TypeError('the application under test has no transport');
  }
}
