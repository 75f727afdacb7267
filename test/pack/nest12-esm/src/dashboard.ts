import assert from 'node:assert/strict';

import { NestFactory } from '@nestjs/core';
import { AmqpDashboard, AmqpDashboardModule } from 'nestjs-amqp10/dashboard';

import { AppModule, Orders, until } from './app.js';

/** The dashboard in an HTTP application: what it answers to a browser, to a program, and in code. */
export async function checkDashboard(): Promise<void> {
  const root = { module: class DashboardApp {}, imports: [AppModule, AmqpDashboardModule.forRoot({ path: 'amqp' })] };
  const app = await NestFactory.create(root, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  await app.get(Orders).send({ id: 3 });
  await until(() =>
    app
      .get(AmqpDashboard)
      .snapshot()
      .consumers.some(({ handled }) => handled === 1),
  );
  const url = `${await app.getUrl()}/amqp`;
  const page = await fetch(url);
  assert.match(await page.text(), /^<!doctype html>[\s\S]*<script>[\s\S]*<\/html>\n$/);
  assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'; script-src 'sha256-/);
  const state = await fetch(`${url}/api/state`);
  const { consumers } = (await state.json()) as { consumers: { name: string; handled: number }[] };
  assert.equal(consumers.find(({ name }) => name === 'Orders.place')?.handled, 1);
  await app.close();
}
