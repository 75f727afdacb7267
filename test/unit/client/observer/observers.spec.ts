import { describe, expect, it } from '@jest/globals';
import { AmqpConnection } from '../../../../lib/client/amqp-connection.js';
import { Observers } from '../../../../lib/client/observer/observers.js';
import type { ObservedConnection } from '../../../../lib/client/observer/observed-connection.js';
import type { ObservedDelivery, Observer } from '../../../../lib/client/observer/observer.js';
import { createMessage } from '../../../../lib/client/message/create-message.js';
import type { ReceivedMessage } from '../../../../lib/client/message/received-message.js';
import type { SendResult } from '../../../../lib/client/send/send-result.js';

const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
const message = createMessage({ body: 1 });
// Only passed on.
const arrival: ObservedDelivery = { address: 'orders', node: { kind: 'named' }, message: message as ReceivedMessage };
const sending = { address: 'orders', node: { kind: 'named' }, message } as const;
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
    const first = observers.sending(sending);
    const delivering = observers.delivering(arrival);
    observers.add(recording('b', told));
    observers.sent(first.tokens, sent);
    observers.handled(delivering);
    observers.sent(observers.sending(sending).tokens, sent);
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

describe('an observer with one of its own for each connection', () => {
  const connection: ObservedConnection = { host: 'b', port: 5672, profile: undefined, containerId: 'me' };

  it('hears of nothing itself: what it made does, also when it is added later', () => {
    const told: string[] = [];
    const maker: Observer = {
      ...recording('maker', told),
      forConnection: ({ containerId }) => recording(containerId, told),
    };
    const observers = new Observers([maker], quiet, connection);
    const remove = observers.add(maker);
    observers.handled(observers.delivering(arrival));
    remove();
    observers.handled(observers.delivering(arrival));
    expect(told).toEqual(['me handled me', 'me handled me', 'me handled me']);
  });

  it('may look at the connection at once, while that is being made', () => {
    const seen: ObservedConnection[] = [];
    const look = ({ host, port, profile, containerId }: ObservedConnection): Observer => {
      seen.push({ host, port, profile, containerId });
      return {};
    };
    const made = (uri: string): AmqpConnection =>
      new AmqpConnection({ uri, containerId: 'me', observer: { forConnection: look } });
    made('amqp://broker.example:5673');
    made('embedded:name');
    expect(seen).toEqual([
      { host: 'broker.example', port: 5673, profile: undefined, containerId: 'me' },
      { host: undefined, port: undefined, profile: undefined, containerId: 'me' },
    ]);
  });

  it('hears of nothing when it cannot make one, and the others go on', () => {
    const told: string[] = [];
    const broken: Observer = {
      ...recording('broken', told),
      forConnection: () => {
        throw new Error('no');
      },
    };
    const observers = new Observers([broken, recording('a', told)], quiet, connection);
    observers.handled(observers.delivering(arrival));
    expect(told).toEqual(['a handled a']);
  });
});

describe('a request', () => {
  it('gives back to each observer its own token with the message, also when others came meanwhile', () => {
    const seen: unknown[] = [];
    const asking = (name: string): Observer => ({
      onRequest: () => name,
      onSend: ({ request }) => void seen.push([name, request]),
      onReplied: (token, error) => void seen.push([name, token, error]),
    });
    const observers = new Observers([asking('a')], quiet);
    const requested = observers.requesting({ address: 'prices', node: { kind: 'named' } });
    observers.add(asking('b'));
    observers.sending(sending, requested);
    observers.replied(requested, 'late');
    expect(seen).toEqual([
      ['a', 'a'],
      ['b', undefined],
      ['a', 'a', 'late'],
    ]);
  });
});
