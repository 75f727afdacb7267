// What a network does to a connection, each from its beginning to its end: as the soak and the broker stories let it come at random.

import type { SeededRandom } from '../../fuzz/seeded-random.js';
import type { FaultProxy } from '../../support/fault-proxy.js';

export type NetworkFault = (proxy: FaultProxy, random: SeededRandom) => void | Promise<void>;

export const sleep = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const NETWORK_FAULTS: Readonly<Record<string, NetworkFault>> = {
  reset: (proxy) => proxy.reset(),
  'end to the client': (proxy) => proxy.finish('client'),
  'end to the server': (proxy) => proxy.finish('server'),
  'black hole': async (proxy, random) => {
    proxy.blackhole(random.pick(['up', 'down', 'both'] as const));
    await sleep(200 + random.below(1_500));
    proxy.reset();
    await proxy.pass();
  },
  stall: async (proxy, random) => {
    proxy.stall(random.pick(['up', 'down', 'both'] as const));
    await sleep(random.below(800));
    await proxy.pass();
  },
  latency: async (proxy, random) => {
    proxy.latency(random.below(30), { jitterMs: random.below(20) });
    await sleep(random.below(500));
    await proxy.pass();
  },
  slices: async (proxy, random) => {
    proxy.slice(1 + random.below(60));
    await sleep(random.below(300));
    await proxy.pass();
  },
  'a cut inside a frame': async (proxy, random) => {
    proxy.cut({ direction: random.pick(['up', 'down'] as const), afterBytes: 1 + random.below(40_000) });
    await sleep(random.below(300));
  },
  'a corrupt byte': async (proxy, random) => {
    // In the frame headers of a connection's beginning: what is corrupt inside a body cannot be told from what was sent.
    proxy.corrupt(random.pick(['up', 'down'] as const), random.below(16), 1 + random.below(255));
    proxy.reset();
    await sleep(random.below(200));
    await proxy.pass();
  },
  refusal: async (proxy, random) => {
    await proxy.refuse();
    proxy.reset();
    await sleep(random.below(300));
    await proxy.pass();
  },
  'accept and close': async (proxy, random) => {
    proxy.acceptThenClose();
    proxy.reset();
    await sleep(random.below(300));
    await proxy.pass();
  },
};
