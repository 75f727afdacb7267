/**
 * What a callback of the layer above threw is rethrown in a task of its own: it must reach whoever watches for uncaught errors,
 * and must not pass through the socket handler, where it would cost the connection.
 */
export function rethrowLater(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
