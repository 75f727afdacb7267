import { describe, expect, it } from '@jest/globals';
import { Observers, type Arrival } from '../../../../lib/client/observer/observers.js';
import type { Observer } from '../../../../lib/client/observer/observer.js';
import { createMessage } from '../../../../lib/client/message/create-message.js';
import type { ReceivedMessage } from '../../../../lib/client/message/received-message.js';
import type { SendResult } from '../../../../lib/client/send/send-result.js';

const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const message = createMessage({ body: 1 });
// Only passed on.
const arrival: Arrival = { address: 'orders', message: message as ReceivedMessage, consumer: undefined };
const sent: SendResult = { ok: true, messageId: '1', routed: true, attempts: 1 };

function recording(name: string, told: string[]): Observer {
  return {
    onSend: () => ({ token: name }),
    onSent: (token) => void told.push(`${name} sent ${String(token)}`),
    onDelivery: () => name,
    runHandler: (token, run) => {
      told.push(`${name} run ${String(token)}`);
      return run();
    },
    onHandled: (token) => void told.push(`${name} handled ${String(token)}`),
  };
}

describe('an observer that is added later', () => {
  it('hears of nothing that has begun, and of all that begins', () => {
    const told: string[] = [];
    const observers = new Observers([recording('a', told)], quiet);
    const sending = observers.sending('orders', message);
    const delivering = observers.delivering(arrival);
    observers.add(recording('b', told));
    observers.sent(sending.tokens, sent);
    observers.handled(delivering);
    observers.sent(observers.sending('orders', message).tokens, sent);
    expect(told).toEqual(['a sent a', 'a handled a', 'a sent a', 'b sent b']);
  });

  it('is what makes messages worth watching, and no longer when it is gone', () => {
    const observers = new Observers([], quiet);
    const watched = (): boolean[] => [
      observers.watchesSends,
      observers.watchesDeliveries,
      observers.watchesSettlements,
    ];
    const remove = observers.add(recording('a', []));
    expect(watched()).toEqual([true, true, false]);
    remove();
    expect(watched()).toEqual([false, false, false]);
  });

  it('hears of the end of what it heard the beginning of, when it was taken away meanwhile; twice is harmless', () => {
    const told: string[] = [];
    const observers = new Observers([], quiet);
    const same = recording('a', told);
    observers.add(same);
    const remove = observers.add(same);
    const delivering = observers.delivering(arrival);
    remove();
    remove();
    observers.run(delivering, () => undefined);
    observers.handled(delivering);
    observers.handled(observers.delivering(arrival));
    expect(told).toEqual(['a run a', 'a run a', 'a handled a', 'a handled a', 'a handled a']);
  });
});
