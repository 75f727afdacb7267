import { expect, it } from '@jest/globals';
import { MemoryIdempotencyStore } from '../../../../lib/client/idempotency/memory-idempotency-store.js';

it('a key is new, then running, then done, and new again when it was forgotten', async () => {
  const store = new MemoryIdempotencyStore();
  expect(await store.begin('a', 100)).toBe('new');
  expect(await store.begin('a', 100)).toBe('running');
  await store.done('a');
  expect(await store.begin('a', 100)).toBe('done');
  await store.forget('a');
  expect(await store.begin('a', 100)).toBe('new');
});

it('a key is forgotten after its time, also one whose handler never ended', async () => {
  let now = 0;
  const store = new MemoryIdempotencyStore(10, () => now);
  await store.begin('running', 100);
  await store.begin('done', 100);
  now = 60;
  await store.done('done');
  now = 100;
  expect(await store.begin('running', 100)).toBe('new');
  expect(await store.begin('done', 100)).toBe('done');
  now = 160;
  expect(await store.begin('done', 100)).toBe('new');
});

it('the oldest done keys go when there are too many, running ones stay', async () => {
  const store = new MemoryIdempotencyStore(3);
  await store.begin('running', 1_000);
  for (const key of ['a', 'b', 'c']) {
    await store.begin(key, 1_000);
    await store.done(key);
  }
  expect(await store.begin('running', 1_000)).toBe('running');
  expect(await store.begin('c', 1_000)).toBe('done');
  expect(await store.begin('a', 1_000)).toBe('new');
});
