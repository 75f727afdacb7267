// Python's uamqp, where it is installed: a client that nobody here wrote. It speaks TLS only, and calls a queue by its whole URL.

import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('../peer/broker/support/uamqp_batch.py', import.meta.url));

export const uamqpIsInstalled = spawnSync(PYTHON, ['-c', 'import uamqp']).status === 0;
// A skipped suite says why.
if (!uamqpIsInstalled) process.stderr.write(`skipped: ${PYTHON} has no module "uamqp" (python3-uamqp)\n`);

export interface UamqpPeer {
  readonly port: number;
  /** Path of the certificate that it trusts. */
  readonly ca: string;
  readonly queue: string;
}

/** The wire address under which uamqp knows a queue. */
export const uamqpAddress = (queue: string): string => `amqps://localhost/${queue}`;

/** Sends a batch of five, `{"index": 0}` to `{"index": 4}`; resolves to the states of its messages. */
export async function uamqpSends(peer: UamqpPeer): Promise<unknown> {
  return run(peer, 'send');
}

/** Receives so many messages, those of a batch each by itself; resolves to `[body, tenant]` of each. */
export async function uamqpReceives(peer: UamqpPeer, count: number): Promise<unknown> {
  return run(peer, 'receive', String(count));
}

async function run({ port, ca, queue }: UamqpPeer, command: string, ...more: string[]): Promise<unknown> {
  const args = [SCRIPT, command, 'localhost', String(port), ca, queue, ...more];
  const { stdout } = await promisify(execFile)(PYTHON, args, { timeout: 60_000 });
  return JSON.parse(stdout);
}
