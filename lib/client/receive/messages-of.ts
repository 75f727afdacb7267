// A message arriving, for those who iterate over several sources in one loop.

import type { ReceivedMessage } from '../message/received-message.js';
import { checkObject, checkSignal } from '../options/check.js';
import type { ReceiveClient } from './receive-client.js';

interface Arrived {
  readonly from: AsyncIterator<ReceivedMessage, undefined>;
  readonly result?: IteratorResult<ReceivedMessage, undefined>;
  readonly error?: unknown;
}

/**
 * The messages of several receive clients in one loop, as they come; none of them keeps the others waiting. Leaving the loop leaves each
 * as leaving a loop of its own does. It ends when all of them have ended, and rejects with the first failure or the signal's reason.
 */
export async function* messagesOf(
  clients: Iterable<ReceiveClient>,
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<ReceivedMessage, undefined> {
  const given = checkObject(options, 'messagesOf', ['signal']);
  const signal = checkSignal(given['signal'], 'messagesOf.signal');
  signal?.throwIfAborted();
  const leaving = new AbortController();
  const leave = (): void => leaving.abort(signal?.reason);
  signal?.addEventListener('abort', leave, { once: true });
  const iterators = [...clients].map((client) => client.messages({ signal: leaving.signal }));
  const arrived: Arrived[] = [];
  /** The last step of each, over or not. */
  const fetching = new Map<Arrived['from'], Promise<void>>();
  let wake: (() => void) | undefined = undefined;
  const fetch = (from: Arrived['from']): void => {
    const note = (what: Omit<Arrived, 'from'>): void => {
      arrived.push({ from, ...what });
      wake?.();
    };
    const fetched = from.next().then(
      (result) => note({ result }),
      (error: unknown) => note({ error }),
    );
    fetching.set(from, fetched);
  };
  let open = iterators.length;
  try {
    iterators.forEach(fetch);
    while (open > 0) {
      const next = arrived.shift();
      if (next === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      if (next.result === undefined) throw next.error;
      if (next.result.done === true) open--;
      else {
        yield next.result.value;
        fetch(next.from);
      }
    }
    return undefined;
  } finally {
    signal?.removeEventListener('abort', leave);
    leaving.abort();
    // One that still waits counts as somebody who wants what is buffered.
    await Promise.all(fetching.values());
    await Promise.all(iterators.map((iterator) => iterator.return()));
    // Fetched, and nobody came to see it.
    for (const { result } of arrived) if (result?.done === false && !result.value.settled) await result.value.release();
  }
}
