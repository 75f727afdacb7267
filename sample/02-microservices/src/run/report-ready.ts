// A service says that it listens, and ends in order when it is told to.

import type { INestApplicationContext } from '@nestjs/common';

/** To be called when the service listens. */
export function reportReady(app: INestApplicationContext): void {
  app.enableShutdownHooks();
  // The one that started it is gone.
  process.on('disconnect', () => void app.close());
  process.send?.('ready');
}
