// What is measured, and the targets of PERFORMANCE.md. `hardRatio`: above it the run fails.

const CPU = 'us cpu/message';

const AMQP_1_0 = { clients: ['rhea', 'rhea-promise', 'ours'], base: 'rhea', isBest: 'least' };

/**
 * `base`: the client that ours is divided by. `isBest`: whether the ratio should be at most or at least the target.
 *
 * @type {readonly { id: string; kind: string; size: number; rich?: boolean; unit: string; target: number; hardRatio?: number; count: number;
 *   quick: number; clients: string[]; base: string; isBest: 'least' | 'most' }[]}
 */
export const ROWS = [
  ...[
    { id: 'send-100', kind: 'send', size: 100, unit: CPU, target: 0.2, hardRatio: 0.35, count: 60_000, quick: 15_000 },
    {
      id: 'send-rich-1k',
      kind: 'send',
      size: 1_024,
      rich: true,
      unit: CPU,
      target: 0.22,
      hardRatio: 0.35,
      count: 40_000,
      quick: 10_000,
    },
    { id: 'send-64k', kind: 'send', size: 65_536, unit: CPU, target: 0.75, count: 3_000, quick: 1_000 },
    {
      id: 'receive-100',
      kind: 'receive',
      size: 100,
      unit: CPU,
      target: 0.4,
      hardRatio: 0.6,
      count: 100_000,
      quick: 25_000,
    },
    {
      id: 'receive-1k',
      kind: 'receive',
      size: 1_024,
      unit: CPU,
      target: 0.45,
      hardRatio: 0.6,
      count: 60_000,
      quick: 20_000,
    },
    {
      id: 'receive-64k',
      kind: 'receive',
      size: 65_536,
      unit: CPU,
      target: 0.6,
      count: 4_000,
      quick: 1_500,
    },
    {
      id: 'receive-async-100',
      kind: 'receive-async',
      size: 100,
      unit: CPU,
      target: 0.25,
      hardRatio: 0.6,
      count: 60_000,
      quick: 20_000,
    },
    {
      id: 'subscribe-nest-100',
      kind: 'subscribe-nest',
      size: 100,
      unit: CPU,
      target: 0.9,
      count: 60_000,
      quick: 20_000,
    },
    { id: 'send-rtt-100', kind: 'rtt', size: 100, unit: 'us p50', target: 0.85, count: 8_000, quick: 2_500 },
  ].map((row) => ({ ...AMQP_1_0, ...row })),
  {
    id: 'rpc-rtt-100',
    kind: 'rpc-rtt',
    size: 100,
    unit: 'us p50',
    target: 1,
    count: 4_000,
    quick: 1_500,
    clients: ['nest-rmq-noack', 'ours'],
    base: 'nest-rmq-noack',
    isBest: 'least',
  },
  {
    id: 'rpc-100',
    kind: 'rpc',
    size: 100,
    unit: 'requests/s',
    target: 2.5,
    count: 20_000,
    quick: 8_000,
    clients: ['nest-rmq', 'nest-rmq-no-delay', 'ours'],
    base: 'nest-rmq',
    isBest: 'most',
  },
  {
    id: 'rpc-noack-100',
    kind: 'rpc',
    size: 100,
    unit: 'requests/s',
    target: 1.3,
    count: 20_000,
    quick: 8_000,
    clients: ['nest-rmq-noack', 'ours'],
    base: 'nest-rmq-noack',
    isBest: 'most',
  },
];
