// Order lines as three channels of a wholesaler would hand them over, and what is wrong with some of them.

import type { Channel, Reason } from './input-file.js';

interface Order {
  orderId: string;
  placedAt: string;
  customer: { id: string; name: string; email: string; country: string };
  items: { sku: string; quantity: number; unitPriceCents: number }[];
  currency: string;
}

type Random = () => number;

/** How often each kind of line comes, in a thousand; the rest is valid. */
const shares: readonly (readonly [Reason, number])[] = [
  ['malformed', 20],
  ['invalid', 30],
  ['slow', 12],
  ['flaky', 40],
  ['poison', 10],
  ['duplicate', 35],
];

const channels: readonly Channel[] = ['web', 'web', 'web', 'shop', 'shop', 'partner'];
const given = [
  'Ines',
  'Tomasz',
  'Aoife',
  'Jürgen',
  'Chiara',
  'Łukasz',
  'Noor',
  'Émile',
  'Saga',
  'Dimitra',
  'Ana',
  '美咲',
];
const family = [
  'Faber',
  'Nowak',
  "O'Brien",
  'Weiß',
  'Conti',
  'Żak',
  'El Amrani',
  'Lefèvre',
  'Lindqvist',
  'Pappas',
  '田中',
];
const countries = ['DE', 'PL', 'IE', 'AT', 'IT', 'NL', 'FR', 'SE', 'GR', 'PT', 'JP'];
const goods = ['TEA', 'CUP', 'POT', 'TIN', 'TRAY', 'HONEY', 'SPOON', 'KETTLE'];
const currencies = ['EUR', 'EUR', 'EUR', 'PLN', 'SEK', 'USD'];

/** The file's text: a header line, then `id <TAB> channel <TAB> reason <TAB> body` for each line. */
export function generateLines(options: { readonly seed: number; readonly lines: number }): string {
  const random = mulberry32(options.seed);
  const rows = ['id\tchannel\treason\tbody'];
  const earlier: { id: string; channel: Channel; body: string }[] = [];
  for (let number = 1; number <= options.lines; number += 1) {
    const reason = pickReason(random);
    const again =
      reason === 'duplicate' ? earlier.at(-1 - Math.floor(random() * Math.min(40, earlier.length))) : undefined;
    if (again) {
      rows.push([again.id, again.channel, 'duplicate', again.body].join('\t'));
      earlier.splice(earlier.indexOf(again), 1);
      continue;
    }
    const kind = reason === 'duplicate' ? 'valid' : reason;
    const channel = pick(random, channels);
    const id = `${channel}-${String(number).padStart(5, '0')}`;
    const body = bodyOf(kind, makeOrder(random, number), random);
    rows.push([id, channel, kind, body].join('\t'));
    if (kind === 'valid') earlier.push({ id, channel, body });
  }
  return `${rows.join('\n')}\n`;
}

function bodyOf(reason: Exclude<Reason, 'duplicate'>, order: Order, random: Random): string {
  const [first] = order.items;
  switch (reason) {
    case 'valid':
      return JSON.stringify(order);
    case 'malformed':
      return damage(JSON.stringify(order), random);
    case 'invalid':
      return JSON.stringify(spoil(order, random));
    case 'slow':
      if (first) first.sku = first.sku.replace(/^[A-Z]+/, 'PALLET');
      return JSON.stringify(order);
    case 'flaky':
      if (first) first.sku = first.sku.replace(/^[A-Z]+/, 'IMPORT');
      return JSON.stringify(order);
    case 'poison':
      if (first) first.sku = first.sku.replace(/^[A-Z]+/, 'ANTIQUE');
      return JSON.stringify(order);
  }
}

function makeOrder(random: Random, number: number): Order {
  const name = `${pick(random, given)} ${pick(random, family)}`;
  const customer = 10_000 + Math.floor(random() * 4_000);
  const minutes = number * 3 + Math.floor(random() * 3);
  const placedAt = new Date(Date.UTC(2026, 2, 1, 6) + minutes * 60_000).toISOString();
  const items = Array.from({ length: 1 + Math.floor(random() * random() * 4) }, () => ({
    sku: `${pick(random, goods)}-${String(Math.floor(random() * 900) + 100)}`,
    quantity: 1 + Math.floor(random() * random() * 12),
    unitPriceCents: 190 + Math.floor(random() * 4_800),
  }));
  return {
    orderId: `ORD-2026-${String(number).padStart(6, '0')}`,
    placedAt,
    customer: { id: `C-${customer}`, name, email: `c${customer}@example.org`, country: pick(random, countries) },
    items,
    currency: pick(random, currencies),
  };
}

/** Text that no JSON parser takes. */
function damage(json: string, random: Random): string {
  const ways: readonly (() => string)[] = [
    () => json.slice(0, Math.floor(json.length * (0.2 + random() * 0.7))),
    () => json.replaceAll('"', "'"),
    () => json.replace(/}$/, ',}'),
    () => json.replace('"quantity":', '"quantity":NaN,"was":'),
    () => `${json}${json.slice(0, 20)}`,
    () => `<order>${json.length}</order>`,
  ];
  return pick(random, ways)();
}

/** JSON that is no order. */
function spoil(order: Order, random: Random): unknown {
  const { items, customer, ...rest } = order;
  const ways: readonly (() => unknown)[] = [
    () => ({ ...rest, customer, items: items.map((item) => ({ ...item, quantity: -item.quantity })) }),
    () => ({ ...rest, customer, items: [] }),
    () => ({ ...rest, items }),
    () => ({ ...rest, customer: { ...customer, email: 'not an address' }, items }),
    () => ({ ...rest, customer, items, currency: 'XXX' }),
    () => ({ ...rest, customer, items, placedAt: 'yesterday' }),
    () => ({ ...rest, customer, items: items.map((item) => ({ ...item, unitPriceCents: '12,50' })) }),
    () => [order],
  ];
  return pick(random, ways)();
}

function pickReason(random: Random): Reason {
  let at = random() * 1_000;
  for (const [reason, share] of shares) {
    if (at < share) return reason;
    at -= share;
  }
  return 'valid';
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
}

/** A small seeded generator: the same numbers on every machine. */
function mulberry32(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
