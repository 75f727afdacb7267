import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';

const PYTHON = '/usr/bin/python3';
const SCRIPT = new URL('support/proton_client.py', import.meta.url).pathname;
const probe = spawnSync(PYTHON, ['-c', 'import proton']);
const isInstalled = probe.status === 0;

if (!isInstalled) {
  // A skipped suite says why.
  process.stderr.write(`skipped: ${PYTHON} has no module "proton" (python3-qpid-proton)\n`);
}

(isInstalled ? describe : describe.skip)('the embedded broker and Proton', () => {
  let broker: EmbeddedBroker;

  beforeEach(async () => {
    broker = await EmbeddedBroker.start({
      users: { guest: 'sécret' },
      queues: [{ name: 'orders', deadLetter: 'dead' }],
    });
  });

  afterEach(async () => {
    await broker.stop();
  });

  async function story(name: string): Promise<Record<string, unknown>> {
    const url = `amqp://guest:${encodeURIComponent('sécret')}@127.0.0.1:${broker.port}`;
    const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, name, url], { timeout: 60_000 });
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  it('exchange messages of every kind of value in order', async () => {
    const { ids } = await story('send_and_receive');
    expect(ids).toEqual(Array.from({ length: 20 }, (_, index) => String(index)));
    expect(broker.queue('orders').stats()).toMatchObject({ enqueued: 20, accepted: 20, ready: 0 });
  }, 60_000);

  it('agree on what a release and a rejection mean', async () => {
    // Proton's release(delivered=True) is `modified` without the failed flag: redelivered, and not counted.
    expect(await story('release_and_reject')).toEqual({ counts: [0, 0], first_acquirer: false });
    expect(broker.queue('dead').messages()).toMatchObject([{ body: 'x' }]);
  }, 60_000);

  it('carry a message of five megabytes in many frames', async () => {
    expect(await story('large')).toEqual({ equal: true, bytes: 5_120_000 });
  }, 60_000);

  it('use dynamic nodes and the anonymous terminus, and the node goes with its link', async () => {
    const { address, body } = await story('dynamic');
    expect(body).toBe('pong');
    expect(address).toMatch(/^temp\./u);
    expect(broker.queues().map(({ name }) => name)).toEqual(['orders', 'dead']);
  }, 60_000);

  it('browse with a selector', async () => {
    expect(await story('browse')).toEqual({ bodies: ['red', 'red'] });
    expect(broker.queue('orders').stats()).toMatchObject({ ready: 3, delivered: 0 });
  }, 60_000);

  it('go on after a refused link', async () => {
    const { condition } = await story('refused');
    expect(condition).toContain('amqp:not-found');
    expect(broker.queue('orders').stats().ready).toBe(1);
  }, 60_000);

  it('roll a transaction back and commit another', async () => {
    expect(await story('transactions')).toEqual({ events: ['declared', 'aborted', 'declared', 'committed'] });
    expect(broker.queue('orders').messages()).toMatchObject([{ body: 'in 3' }]);
  }, 60_000);
});
