import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { readRunOptions } from '../../sample/04-observability/src/run/options.js';

const REGISTER = new URL('../support/ts-register.mjs', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../sample/04-observability/src/main.ts', import.meta.url));

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

describe('the observability sample', () => {
  it('ends by itself with 0 when all that watches agrees with what happened', async () => {
    const { code, out } = await run();
    expect(out).toMatch(/the cable is cut +503 +200 +connection default is (dis)?connect/);
    expect(out).toMatch(/the queue is deleted +503 +200 +.*consumer OrderConsumer.place is starting.*was deleted/);
    expect(out).toContain(
      [
        'TRACE of an order that is retried once',
        '  POST /orders  (202)',
        '    request {run}.prices',
        '      send {run}.prices',
        '        process {run}.prices',
        '          send (temporary)',
        '    send {run}.orders',
        '      process {run}.orders  (failed: WarehouseBusy)',
        '      process {run}.orders  (attempt 2)',
        '        send {run}.invoices',
        '',
      ].join('\n'),
    );
    expect(out).toContain('a stranger with 403, the administrator with 200 and the page');
    expect(out).toMatch(/retried +5 +- +- +5 +- +5 +ok/);
    expect(out).toMatch(/dead-lettered +2 +2 +- +2 +2 +2 +ok/);
    expect([code, out.trimEnd().split('\n').at(-1)]).toEqual([0, 'ALL AGREE']);
  }, 90_000);

  it('ends with 1 and names what they disagree on when something happens unseen', async () => {
    const { code, out } = await run('--sabotage', 'unseen-order');
    expect(out).toMatch(/orders sent +10 +- +- +9 +9 +9 +DISAGREE/);
    expect([code, out.trimEnd().split('\n').at(-1)]).toEqual([1, 'DISAGREE: 2 of 15']);
  }, 90_000);

  it.each([[['--sabotage']], [['--sabotage', 'all']], [['unseen-order']], [['--sabotage', 'unseen-order', 'twice']]])(
    'refuses the arguments %j',
    (args) => {
      expect(() => readRunOptions(args, {})).toThrow('usage: npm start');
    },
  );

  it.each(['', 'amqps://localhost', 'embedded:'])('refuses the AMQP_URI "%s", which it could not cut', (uri) => {
    expect(() => readRunOptions([], { AMQP_URI: uri })).toThrow('AMQP_URI begins with amqp://');
  });
});
