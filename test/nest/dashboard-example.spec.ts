// The first example of docs/dashboard.md, as it stands there.

import { readFileSync } from 'node:fs';

import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { EmbeddedBroker } from '../../lib/broker/index.js';
import { PLATFORMS } from './dashboard-app.js';

const given = { ...process.env };
const quiet = { logger: false, abortOnError: false } as const;
const basic = (text: string): RequestInit => ({
  headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
});

let broker: EmbeddedBroker;
beforeAll(async () => {
  broker = await EmbeddedBroker.start({ port: 0 });
});
afterAll(() => broker.stop());

async function exampleInProduction(): Promise<typeof import('./dashboard-example.js')> {
  Object.assign(process.env, { NODE_ENV: 'production', AMQP_URI: `amqp://127.0.0.1:${broker.port}` });
  return import('./dashboard-example.js');
}

describe('the first example of the guide', () => {
  beforeEach(() => {
    delete process.env['ADMIN_PASSWORD'];
  });
  afterEach(() => {
    for (const name of ['NODE_ENV', 'AMQP_URI', 'ADMIN_PASSWORD'])
      if (given[name] === undefined) delete process.env[name];
      else process.env[name] = given[name];
  });

  it('is the code that is tested here', () => {
    const code = readFileSync('test/nest/dashboard-example.ts', 'utf8');
    expect(readFileSync('docs/dashboard.md', 'utf8')).toContain(`\`\`\`ts\n${code}\`\`\`\n`);
  });

  it.each(['', undefined])('does not start with the password %j', async (password) => {
    const { AppModule } = await exampleInProduction();
    if (password !== undefined) process.env['ADMIN_PASSWORD'] = password;
    await expect(NestFactory.create(AppModule, quiet)).rejects.toThrow('ADMIN_PASSWORD is not set');
  });

  it.each(PLATFORMS)('makes a browser ask for name and password on %s, and lets in who has them', async (platform) => {
    const { AppModule } = await exampleInProduction();
    process.env['ADMIN_PASSWORD'] = 'tëa: 1';
    const app = await (platform === 'fastify'
      ? NestFactory.create(AppModule, new FastifyAdapter(), quiet)
      : NestFactory.create(AppModule, quiet));
    try {
      await app.listen(0, '127.0.0.1');
      const page = `${await app.getUrl()}/amqp`;
      const state = `${page}/api/state`;
      const strangers = [{}, basic('admin:undefined'), basic('admin:'), basic('eve:tëa: 1'), basic('admin:tea')];
      for (const url of [page, state])
        for (const stranger of [...strangers, { headers: { authorization: 'Bearer undefined' } }]) {
          const refused = await fetch(url, stranger);
          expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
            401,
            'Basic realm="AMQP", charset="UTF-8"',
          ]);
          expect(await refused.text()).not.toContain('connections');
        }
      expect(await (await fetch(page, basic('admin:tëa: 1'))).text()).toContain('<title>AMQP</title>');
      expect(await (await fetch(state, basic('admin:tëa: 1'))).json()).toMatchObject({
        connections: [{ name: 'default', status: 'connected' }],
      });
    } finally {
      await app.close();
    }
  });
});
