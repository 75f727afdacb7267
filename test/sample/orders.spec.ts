import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { balance, type Books } from '../../sample/01-orders/src/balance.js';
import { generateLines } from '../../sample/01-orders/src/generator.js';
import { dataFile, readInput, reasons, type InputLine } from '../../sample/01-orders/src/input-file.js';
import { report } from '../../sample/01-orders/src/report.js';
import { readRunOptions } from '../../sample/01-orders/src/run/options.js';

const folder = mkdtempSync(join(tmpdir(), 'orders-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const line = (id: string, reason: InputLine['reason'], channel: InputLine['channel'] = 'web'): InputLine => ({
  id,
  reason,
  channel,
  body: Buffer.from('{}'),
});
const placed = (messageId: string) => ({ channel: 'web', messageId, deed: 'placed' }) as const;
const failed = (messageId: string) => ({ channel: 'web', messageId, deed: 'failed' }) as const;
const skipped = (messageId: string) => ({ channel: 'web', messageId, deed: 'skipped' }) as const;

/** One line of every reason, and everything as it should be. */
const good: Books = {
  lines: [
    line('a', 'valid'),
    line('a', 'duplicate'),
    line('b', 'slow'),
    line('c', 'flaky'),
    line('d', 'poison'),
    line('e', 'invalid'),
    line('f', 'malformed', 'partner'),
  ],
  ledger: [
    placed('a'),
    skipped('a'),
    placed('b'),
    failed('c'),
    failed('c'),
    placed('c'),
    failed('d'),
    failed('d'),
    failed('d'),
  ],
  rejected: ['d', 'e'],
  parked: ['f'],
  left: [],
};

describe('the balance of the orders sample', () => {
  it('finds nothing when everything is where it belongs, and counts by reason', () => {
    const { rows, problems } = balance(good);
    expect(problems).toEqual([]);
    expect(rows.map(({ reason, lines }) => [reason, lines])).toEqual(reasons.map((reason) => [reason, 1]));
    const total = (key: 'lines' | 'placed' | 'skipped' | 'rejected' | 'parked'): number =>
      rows.reduce((sum, row) => sum + row[key], 0);
    expect(total('lines')).toBe(total('placed') + total('skipped') + total('rejected') + total('parked'));
  });

  const without = <T>(items: readonly T[], at: number): T[] => items.filter((_, index) => index !== at);
  it.each<[string, Books, string]>([
    [
      'a message that was accepted and never written down',
      { ...good, ledger: without(good.ledger, 2) },
      'b (slow): LOST',
    ],
    ['a second copy that never came', { ...good, ledger: without(good.ledger, 1) }, 'a (valid): LOST'],
    ['a dead letter that is nowhere', { ...good, rejected: ['d'] }, 'e (invalid): LOST'],
    ['a dead letter in the wrong place', { ...good, rejected: ['d', 'e', 'f'], parked: [] }, 'f (malformed): 0 dead'],
    ['a dead letter twice', { ...good, parked: ['f', 'f'] }, 'f (malformed): 2 dead letters'],
    ['an order placed twice', { ...good, ledger: [...good.ledger, placed('b')] }, 'b (slow): placed 2 times'],
    ['a poisoned order that was placed', { ...good, ledger: [...good.ledger, placed('d')] }, 'd (poison): was placed'],
    ['a good order among the dead letters', { ...good, rejected: ['d', 'e', 'b'] }, 'b (slow): is a dead letter'],
    ['a try too few', { ...good, ledger: without(good.ledger, 3) }, 'c (flaky): failed 1 times, expected 2'],
    ['a try too many', { ...good, ledger: [...good.ledger, failed('d')] }, 'd (poison): failed 4 times, expected 3'],
    ['a message that is still in its queue', { ...good, left: ['b'] }, 'b (slow): 1 left in the queue'],
    ['a delivery more than was sent', { ...good, ledger: [...good.ledger, skipped('b')] }, 'b (slow): 1 went in and 2'],
    ['a message that nobody sent', { ...good, parked: ['f', 'z'] }, 'z is not in the input file'],
  ])('finds %s', (_, books, problem) => {
    const result = balance(books);
    expect(result.problems.join('\n')).toContain(problem);
    expect(report(result)).toContain('NOT BALANCED');
    expect(report(balance(good))).toContain('BALANCED: ');
  });
});

describe('the input of the orders sample', () => {
  it('is what its generator writes, with a few thousand lines and every reason on every channel', async () => {
    expect(generateLines({ seed: 20_260_301, lines: 3_000 })).toBe(readFileSync(dataFile, 'utf8'));
    const lines = await readInput();
    expect(lines.length).toBe(3_000);
    expect(new Set(lines.map(({ channel, reason }) => `${channel} ${reason}`)).size).toBe(3 * reasons.length);
  });

  it('labels as malformed exactly what no JSON parser takes', async () => {
    const lines = await readInput();
    const isJson = (text: string): boolean => {
      try {
        JSON.parse(text);
        return true;
      } catch {
        return false;
      }
    };
    expect(lines.filter(({ body, reason }) => isJson(body.toString()) === (reason === 'malformed'))).toEqual([]);
  });

  it.each([
    ['too few columns', 'web-1\tweb\tvalid'],
    ['an unknown channel', 'web-1\tfax\tvalid\t{}'],
    ['an unknown reason', 'web-1\tweb\tlovely\t{}'],
    ['too many columns', 'web-1\tweb\tvalid\t{}\t{}'],
    ['an empty line', ''],
  ])('refuses %s, with the number of the line', async (_, text) => {
    const path = join(folder, 'lines.tsv');
    writeFileSync(path, `id\tchannel\treason\tbody\nweb-0\tweb\tvalid\t{}\n${text}\n`);
    await expect(readInput(path)).rejects.toThrow(`${path}:3 is not an order line`);
  });

  it.each([[['--sabotage']], [['--sabotage', 'all']], [['drop-one']], [['--sabotage', 'drop-one', 'twice']]])(
    'refuses the arguments %j',
    (args) => {
      expect(() => readRunOptions(args, {})).toThrow('usage: npm run demo');
    },
  );

  it('refuses an AMQP_URI that is set and empty', () => {
    expect(() => readRunOptions([], { AMQP_URI: '' })).toThrow('AMQP_URI is set and empty');
    expect(readRunOptions(['--sabotage', 'drop-one'], { AMQP_URI: 'amqp://x' })).toMatchObject({
      uri: 'amqp://x',
      sabotage: 'drop-one',
    });
  });
});
