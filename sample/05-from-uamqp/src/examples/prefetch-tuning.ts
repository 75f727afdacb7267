import assert from 'node:assert/strict';
import type { Example } from '../example.js';

/** `prefetch`: in uamqp a refill, here the bound of what is unsettled in hand, which never is exceeded. */
export const prefetchTuning: Example = {
  title: 'prefetch tuning',
  uamqp: 'ReceiveClient(prefetch=...)',
  async run({ connection, queue }) {
    const name = await queue();
    await connection.createSendClient(name).sendBatch(Array.from({ length: 40 }, (_, index) => index));
    const inbox = connection.createReceiveClient(name, { prefetch: 5 });
    let running = 0;
    let mostRunning = 0;
    let mostInHand = 0;
    let handled = 0;
    await new Promise<void>((resolve) => {
      const subscription = inbox.subscribe(
        async () => {
          running += 1;
          mostRunning = Math.max(mostRunning, running);
          mostInHand = Math.max(mostInHand, subscription.inHand);
          await new Promise((go) => setImmediate(go));
          running -= 1;
          handled += 1;
          if (handled === 40) resolve();
        },
        { concurrency: 3 },
      );
    });
    await inbox.close();
    assert.ok(mostInHand <= 5, `${mostInHand} in hand`);
    assert.ok(mostRunning <= 3 && mostRunning > 1, `${mostRunning} at a time`);
    return `40 handled, at most ${mostInHand} in hand and ${mostRunning} at a time`;
  },
};
