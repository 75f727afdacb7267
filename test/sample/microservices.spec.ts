import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { readRunOptions } from '../../sample/02-microservices/src/run/options.js';

const REGISTER = new URL('../support/ts-register.mjs', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../sample/02-microservices/src/main.ts', import.meta.url));

/** Runs the sample to its end, on the embedded broker. */
async function run(...args: string[]): Promise<{ code: unknown; out: string }> {
  const { AMQP_URI: _real, ...env } = process.env;
  const sample = spawn(process.execPath, ['--no-warnings', '--import', REGISTER, MAIN, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [out, [code]] = (await Promise.all([text(sample.stdout), once(sample, 'exit')])) as [string, [unknown]];
  return { code, out };
}

describe('the microservices sample', () => {
  it('ends by itself with 0 when every answer is right', async () => {
    const { code, out } = await run();
    expect(out).toContain('ok    GET  /prices/tea/history  200 ["450","475","499"]');
    expect(out).toContain('ok    100 of 100 orders at once');
    expect(out).not.toContain('WRONG');
    expect([code, out.trimEnd().split('\n').at(-1)]).toEqual([0, 'ALL RIGHT']);
  }, 90_000);

  it('ends with 1 and names what is wrong when a service says something else', async () => {
    const { code, out } = await run('--sabotage', 'wrong-price');
    expect(out).toContain('WRONG GET  /prices/tea/history  200 ["451","476","500"], not 200 ["450","475","499"]');
    expect([code, out.trimEnd().split('\n').at(-1)]).toEqual([1, 'WRONG ANSWERS: 1']);
  }, 90_000);

  it.each([[['--sabotage']], [['--sabotage', 'all']], [['wrong-price']], [['--sabotage', 'wrong-price', 'twice']]])(
    'refuses the arguments %j',
    (args) => {
      expect(() => readRunOptions(args, {})).toThrow('usage: npm start');
    },
  );

  it('refuses an AMQP_URI that is set and empty', () => {
    expect(() => readRunOptions([], { AMQP_URI: '' })).toThrow('AMQP_URI is set and empty');
  });
});
