import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { DeadLetterLink } from '../../../../lib/client/redrive/dead-letter-link.js';
import { fakeContext, settle } from '../../../support/client/fake-links.js';

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] }));
afterEach(() => void jest.useRealTimers());

it.each(['rabbitmq-3', 'rabbitmq-4', 'artemis'] as const)(
  'asks %s whether there are dead letters, and waits for its answer, not for a time',
  async (profile) => {
    const { context, links } = fakeContext({ profile });
    const link = new DeadLetterLink(context, 'dead', 1_000);
    await link.open();
    const { receiver } = links;
    expect(receiver.options.drains).toBe(profile !== 'rabbitmq-3');
    receiver.answersDrain = false;
    const fetched = link.fetch(10);
    await settle();
    receiver.deliverJson('one');
    receiver.drains.shift()?.();
    expect((await fetched).map(({ message }) => message.body)).toEqual(['one']);
    receiver.answersDrain = true;
    expect(await link.fetch(10)).toEqual([]);
    await link.close(0);
    expect(receiver.outcomes).toEqual(['released']);
  },
);
