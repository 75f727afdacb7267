import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pinned } from './pinned.mjs';

/** The counting peer in its own process. */
export async function startPeer() {
  const file = fileURLToPath(new URL('./peer/main.mjs', import.meta.url));
  const child = fork(file, [], pinned(1));
  const [{ port }] = await once(child, 'message');
  let calls = 0;
  const call = (command) => {
    const id = ++calls;
    child.send({ id, command });
    return new Promise((resolve) => {
      const onMessage = (message) => {
        if (message.id !== id) return;
        child.off('message', onMessage);
        resolve(message.stats);
      };
      child.on('message', onMessage);
    });
  };
  return {
    port,
    /** What it counted since the last time it was asked. */
    take: () => call('reset'),
    stop: async () => {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}
