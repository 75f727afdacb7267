import { describe, expect, it } from '@jest/globals';
import { QueuedMessage } from '../../../lib/broker/message/queued-message.js';
import { readFilters } from '../../../lib/broker/selector/filters.js';
import { parseSelector } from '../../../lib/broker/selector/parse-selector.js';
import { SelectorError } from '../../../lib/broker/selector/tokens.js';
import type { Value } from '../../../lib/broker/selector/values.js';
import { Described } from '../../../lib/protocol/acceptor/index.js';
import { content } from './support/fake-nodes.js';
import { processorMs } from '../../support/time.js';

const VALUES: Readonly<Record<string, Value>> = {
  color: 'red',
  weight: 2500,
  price: 9.5,
  urgent: true,
  note: "it's 50% off_now",
  $id: 7,
  'order.kind': 'new',
};
const evaluate = (selector: string): Value => parseSelector(selector)((name) => VALUES[name]);

describe('a selector', () => {
  it.each<[string, Value]>([
    ["color = 'red'", true],
    ["color <> 'red'", false],
    ["color = 'Red'", false],
    ['weight > 2000 AND weight <= 2500', true],
    ['weight = 2500.0', true],
    ['price * 2 = 19', true],
    ['weight / 0 > 1', undefined],
    ['10 - 2 - 3 = 5', true],
    ['2 + 3 * 4 = 14', true],
    ['(2 + 3) * 4 = 20', true],
    ['-weight < 0', true],
    ['- -2 = 2', true],
    ['1e3 = 1000', true],
    ['0x1F = 31', true],
    ['5L = 5', true],
    ['.5 + .5 = 1', true],
    ['urgent', true],
    ['NOT urgent', false],
    ['NOT NOT urgent', true],
    ['urgent = TRUE', true],
    ['urgent = false', false],
    ["color = 'red' OR missing = 1", true],
    ["missing = 1 OR color = 'red'", true],
    ["color = 'blue' OR missing = 1", undefined],
    ["color = 'blue' AND missing = 1", false],
    ["color = 'red' AND missing = 1", undefined],
    ['NOT (missing = 1)', undefined],
    ['missing <> 1', undefined],
    ['missing IS NULL', true],
    ['missing IS NOT NULL', false],
    ['color IS NULL', false],
    ['color is not null', true],
    ["color IN ('blue', 'red')", true],
    ["color NOT IN ('blue', 'red')", false],
    ["missing IN ('a')", undefined],
    ["weight IN ('2500')", false],
    ['weight BETWEEN 2000 AND 3000', true],
    ['weight NOT BETWEEN 2000 AND 3000', false],
    ['weight BETWEEN 1 AND 2 OR urgent', true],
    ['missing BETWEEN 1 AND 2', undefined],
    ["color LIKE 'r%'", true],
    ["color LIKE '_ed'", true],
    ["color LIKE '_e'", false],
    ["color LIKE ''", false],
    ["color NOT LIKE 'b%'", true],
    ["note LIKE 'it''s 50!% off!_now' ESCAPE '!'", true],
    ["note LIKE '%!%%' ESCAPE '!'", true],
    ["note LIKE '50!%' ESCAPE '!'", false],
    ["missing LIKE '%'", undefined],
    ["weight LIKE '2%'", false],
    ["weight = '2500'", false],
    ["color < 'z'", false],
    ['color + 1 = 2', undefined],
    ['$id = 7', true],
    ["order.kind = 'new'", true],
    ['"order.kind" = \'new\'', true],
    ["color='red'and(urgent)", true],
  ])('%s gives %s', (selector, expected) => {
    expect(evaluate(selector)).toBe(expected);
  });

  it.each([
    '',
    '   ',
    'color =',
    '= 1',
    "color = 'red",
    'color = "red',
    'color == 1',
    'color IN ()',
    'color IN (1)',
    "color IN ('a' 'b')",
    'weight BETWEEN 1',
    'weight BETWEEN 1 OR 2',
    'color LIKE 5',
    "color LIKE 'a' ESCAPE 'ab'",
    'color IS 5',
    'color NOT 5',
    '(color = 1',
    'color = 1)',
    'a AND',
    'AND a',
    'a b',
    'a ; b',
    'a # b',
    '('.repeat(200) + 'a' + ')'.repeat(200),
    'a'.repeat(20_000),
  ])('that cannot be is refused: %.40s', (selector) => {
    expect(() => parseSelector(selector)).toThrow(SelectorError);
  });

  it('has no pattern that takes long', async () => {
    const text = 'a'.repeat(5_000);
    const look = (): void => expect(parseSelector(`t LIKE '${'%a'.repeat(100)}b'`)(() => text)).toBe(false);
    expect(await processorMs(look)).toBeLessThan(1_000);
  });
});

describe('the filters of a source', () => {
  const message = new QueuedMessage(
    content({
      header: { priority: 7, durable: true },
      properties: { messageId: 'm1', subject: 'created', correlationId: 'c1' },
      applicationProperties: { color: 'red', big: 2n ** 60n, constructor2: 1 },
    }),
    0,
    7,
    undefined,
    {},
  );
  const selector = (
    text: unknown,
    descriptor: number | bigint | string = 'apache.org:selector-filter:string',
  ): object => ({
    selector: new Described(descriptor, text),
  });

  it.each<[string, boolean]>([
    ["color = 'red'", true],
    ["color = 'blue'", false],
    ["missing = 'x'", false],
    ['JMSPriority = 7', true],
    ["JMSDeliveryMode = 'PERSISTENT'", true],
    ["JMSMessageID = 'm1' AND JMSCorrelationID = 'c1' AND JMSType = 'created'", true],
    ['JMSRedelivered = FALSE AND JMSXDeliveryCount = 1', true],
    ['constructor IS NULL', true],
    ['big > 1', true],
  ])('with %s let the message pass: %s', (text, expected) => {
    const { wants, applied, problem } = readFilters({ ...selector(text) });
    expect([wants?.(message), problem, Object.keys(applied ?? {})]).toEqual([expected, undefined, ['selector']]);
  });

  it.each([0x0000468c00000004, 0x0000468c00000004n])('know the numeric descriptor %s', (descriptor) => {
    expect(readFilters({ ...selector("color = 'red'", descriptor) }).wants?.(message)).toBe(true);
  });

  it.each([['color = '], [5], [undefined]])('refuse the selector %j and never ignore it', (text) => {
    expect(readFilters({ ...selector(text) }).problem).toMatchObject({ condition: 'amqp:invalid-field' });
  });

  it('leave out of the answer what is not applied', () => {
    const { wants, applied, problem } = readFilters({ other: new Described('some:other:filter', 1), plain: 'x' });
    expect([wants, applied, problem]).toEqual([undefined, undefined, undefined]);
  });
});
