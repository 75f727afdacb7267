import { describe, expect, it } from '@jest/globals';
import type { ProfileName } from '../../../lib/client/profile/peer-profile.js';
import { profileNamed } from '../../../lib/client/profile/profiles.js';
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
