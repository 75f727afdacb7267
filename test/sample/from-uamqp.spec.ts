import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { examples } from '../../sample/05-from-uamqp/src/examples/index.js';
import type { World } from '../../sample/05-from-uamqp/src/example.js';
import { runExamples } from '../../sample/05-from-uamqp/src/run-examples.js';
import { enter } from '../../sample/05-from-uamqp/src/world.js';

describe("the examples of uamqp's documentation", () => {
  let world: World;
  let leave: () => Promise<void>;
  beforeAll(async () => {
    ({ world, leave } = await enter(undefined));
  });
  afterAll(() => leave());

  it.each(examples.map((example) => [example.title, example] as const))(
    'come to what they must on the embedded broker: %s',
    async (_title, example) => {
      expect(await example.run(world)).toMatch(/\w/);
    },
    30_000,
  );

  it('count as failed when they do not, and the others run all the same', async () => {
    const lines: string[] = [];
    const good = { title: 'good', uamqp: 'x', run: () => Promise.resolve('well') };
    const bad = { title: 'bad', uamqp: 'y', run: () => Promise.reject(new Error('not so')) };
    await expect(runExamples(world, [bad, good], (text) => lines.push(text))).resolves.toBe(1);
    expect(lines.join('')).toMatch(/FAIL bad .*not so[^]*ok {3}good .*well[^]*1 of 2 examples/);
  });
});

it('an AMQP_URI that is set and empty is an error', async () => {
  await expect(enter('')).rejects.toThrow('AMQP_URI is set and empty');
});
