// Claims-based security between Python's uamqp and the embedded broker, so that what this library puts there is what others put, too.

import { createHmac } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EmbeddedBroker } from '../../../lib/broker/index.js';
import { AmqpConnection, sasToken } from '../../../lib/client/index.js';
import { tlsFront, type TlsFront } from '../../support/tls-front.js';
import { uamqpIsInstalled } from '../../support/uamqp.js';

const PYTHON = '/usr/bin/python3';
const SCRIPT = new URL('support/uamqp_tokens.py', import.meta.url).pathname;
const KEY_NAME = 'Root';
const KEY = 'c2VjcmV0LWtleQ==';

/** By the definition of a shared access signature, whoever made it. */
function isGood(token: string, audience: string): boolean {
  const [, sr = '', sig = '', se] = /^SharedAccessSignature sr=(.+)&sig=(.+)&se=(\d+)&skn=Root$/.exec(token) ?? [];
  const signed = createHmac('sha256', KEY).update(`${sr}\n${se}`).digest('base64');
  return signed === decodeURIComponent(sig) && decodeURIComponent(sr) === audience;
}

(uamqpIsInstalled ? describe : describe.skip)('tokens of uamqp and of this library, on one broker', () => {
  let broker: EmbeddedBroker;
  let front: TlsFront;
  let folder: string;
  const put: { token: string; audience: string; type: string }[] = [];

  beforeEach(async () => {
    put.splice(0);
    broker = await EmbeddedBroker.start({
      allowAnonymous: false,
      cbs: {
        required: true,
        validate: (token) => {
          put.push(token);
          const good = isGood(token.token, token.audience);
          return good ? { statusCode: 202 } : { statusCode: 401, description: 'InvalidSignature' };
        },
      },
    });
    front = await tlsFront(broker.port ?? 0);
    folder = mkdtempSync(join(tmpdir(), 'uamqp-'));
    writeFileSync(join(folder, 'ca.pem'), front.ca);
  });

  afterEach(async () => {
    await front.close();
    await broker.stop();
    rmSync(folder, { recursive: true });
  });

  async function uamqp(command: 'send' | 'send-wrongly'): Promise<unknown> {
    const args = [SCRIPT, command, String(front.port), join(folder, 'ca.pem'), KEY_NAME, KEY];
    const { stdout } = await promisify(execFile)(PYTHON, args, { timeout: 40_000 });
    return JSON.parse(stdout);
  }

  it("are taken alike: MSSBCBS, put-token, a queue's link", async () => {
    expect(await uamqp('send')).toEqual(['SendComplete']);
    const connection = new AmqpConnection({
      uri: `amqps://localhost:${front.port}`,
      tls: { ca: front.ca },
      credentials: sasToken({ audience: 'sb://localhost/orders', keyName: KEY_NAME, key: KEY }),
    });
    await connection.createSendClient('orders').send('with a token');
    await connection.close();
    expect(put).toMatchObject([
      { audience: 'sb://localhost/orders', type: 'servicebus.windows.net:sastoken' },
      { audience: 'sb://localhost/orders', type: 'servicebus.windows.net:sastoken' },
    ]);
  }, 60_000);

  it('are refused alike', async () => {
    // It tries up to four times, and then crashes while it puts the connection away.
    await expect(uamqp('send-wrongly')).rejects.toThrow();
    expect(put.length).toBeGreaterThanOrEqual(1);
    expect(broker.queues()).toEqual([]);
    const connection = new AmqpConnection({
      uri: `amqps://localhost:${front.port}`,
      tls: { ca: front.ca },
      credentials: sasToken({ audience: 'sb://localhost/orders', keyName: KEY_NAME, key: 'another key' }),
    });
    await expect(connection.open()).rejects.toMatchObject({ statusCode: 401, description: 'InvalidSignature' });
    await connection.close();
  }, 60_000);
});
