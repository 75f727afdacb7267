// What is measured, and the targets of PERFORMANCE.md. `hardRatio`: above it the run fails.

const CPU = 'us cpu/message';

/** @type {readonly { id: string; kind: string; size: number; rich?: boolean; unit: string; target: number; hardRatio?: number; count: number; quick: number }[]} */
export const ROWS = [
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
  { id: 'subscribe-nest-100', kind: 'subscribe-nest', size: 100, unit: CPU, target: 0.9, count: 60_000, quick: 20_000 },
  { id: 'send-rtt-100', kind: 'rtt', size: 100, unit: 'us p50', target: 0.85, count: 8_000, quick: 2_500 },
];
