import { deadline } from '../deadline.js';
import { SendError } from '../errors.js';
import type { SendFailures } from './send-failures.js';
import type { SendLink } from './send-link.js';

/** The peer's max-message-size, which only an attached link knows: waits for one. Rejects SendError. */
export async function attachedMessageLimit(
  link: SendLink,
  failures: SendFailures,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const waiting = { attempts: 0, inDoubt: false, timeoutMs, signal, transaction: undefined };
  const late = (): SendError => failures.timeout(waiting, 'link', false, link.lastError);
  const wait = deadline(timeoutMs, late, signal);
  try {
    await link.attachNow(wait.signal);
  } catch (error) {
    if (error instanceof SendError) throw error;
    throw signal?.aborted === true ? failures.aborted(waiting, false) : failures.link(waiting, error, false);
  } finally {
    wait.done();
  }
  return link.attachedLink?.maxMessageBytes;
}
