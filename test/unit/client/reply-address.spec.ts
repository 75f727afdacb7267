import { describe, expect, it } from '@jest/globals';
import type { ProfileName } from '../../../lib/client/profile/peer-profile.js';
import { PROFILE_NAMES, profileNamed } from '../../../lib/client/profile/profiles.js';
import { replySource } from '../../../lib/client/request/reply-address.js';

const { signal } = new AbortController();

describe('a reply address', () => {
  it.each<ProfileName>(['rabbitmq-3', 'azure'])(
    'is refused by name on %s, where only a configured one works',
    async (name) => {
      const refused = replySource(profileNamed(name), undefined, undefined, signal);
      await expect(refused).rejects.toMatchObject({ name: 'LinkError', retryable: false });
      await expect(refused).rejects.toThrow(name);
      const { address, terminus } = await replySource(profileNamed(name), 'mine', undefined, signal);
      expect(address).toBe(profileNamed(name).queueAddress('mine'));
      expect(terminus.address).toBe(address);
    },
  );

  it.each<ProfileName>(['activemq', 'artemis', 'qpid', 'embedded', 'generic'])(
    'is a dynamic node on %s',
    async (name) => {
      const source = await replySource(profileNamed(name), undefined, undefined, signal);
      expect(source).toEqual({ terminus: { dynamic: true }, address: undefined });
    },
  );

  it.each<[ProfileName, string, string | undefined]>([
    ['rabbitmq-4', '/queues/a%2Fb', 'a/b'],
    ['rabbitmq-4', '/queue/a%20b', 'a b'],
    ['rabbitmq-4', '/amq/queue/a', 'a'],
    ['rabbitmq-4', '/exchanges/events/key', undefined],
    ['rabbitmq-4', '/queues/100%', undefined],
    ['rabbitmq-3', '/amq/queue/a%2Fb', 'a/b'],
    ['rabbitmq-3', '/queue/a', 'a'],
    ['rabbitmq-3', '/exchange/events/key', undefined],
    ['activemq', 'queue://100%', '100%'],
    ['activemq', 'temp-queue://ID:1', undefined],
    ['artemis', '100%', '100%'],
    ['qpid', 'a', 'a'],
    ['azure', 'a', 'a'],
    ['embedded', '/queues/a%2Fb', 'a/b'],
    ['generic', '/queues/a%2Fb', 'a/b'],
  ])('of %s in the form %s is the queue %j', (name, address, queue) => {
    expect(profileNamed(name).queueName(address)).toBe(queue);
  });

  it.each(PROFILE_NAMES)("of %s that is made of a queue's name has that name in it", (name) => {
    const profile = profileNamed(name);
    for (const queue of ['orders', 'a b', 'a%b']) expect(profile.queueName(profile.queueAddress(queue))).toBe(queue);
  });

  it('is direct reply-to from RabbitMQ 4.2 on: a volatile queue, pre-settled', async () => {
    const source = await replySource(profileNamed('rabbitmq-4', '4.2.0'), undefined, undefined, signal);
    expect(source).toEqual({
      terminus: {
        dynamic: true,
        durable: 'none',
        expiryPolicy: 'link-detach',
        capabilities: ['rabbitmq:volatile-queue'],
      },
      address: undefined,
    });
  });

  it('is an exclusive queue of its own on RabbitMQ 4 before that', async () => {
    const declared: string[] = [];
    const queues = { declareExclusive: async (name: string) => void declared.push(name) };
    const { address } = await replySource(profileNamed('rabbitmq-4', '4.1.9'), undefined, queues, signal);
    expect(address).toBe(`/queues/${declared[0]}`);
    await replySource(profileNamed('rabbitmq-4', '4.1.9'), undefined, queues, signal);
    expect(new Set(declared).size).toBe(2);
  });
});
