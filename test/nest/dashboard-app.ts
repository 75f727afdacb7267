// An application with a dashboard, listening on a port of its own.

import { type DynamicModule, type INestApplication, Module, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

import { AmqpDashboard, AmqpDashboardModule, type AmqpDashboardOptions } from '../../lib/dashboard/index.js';

/** Nest's HTTP platforms. */
export const PLATFORMS = ['express', 'fastify'] as const;

export interface DashboardApp {
  readonly app: INestApplication;
  readonly dashboard: AmqpDashboard;
  /** Of the server, without a path. */
  readonly url: string;
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Answer>;
  readonly post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Answer>;
  /** An action as the page sends it. */
  readonly act: (action: string, body: unknown) => Promise<Answer>;
}

/** One HTTP answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed, where it is JSON. */
  readonly json: unknown;
}

/** Boots, hands the application to `use`, and closes it whatever happened. */
export async function withDashboard(
  options: AmqpDashboardOptions,
  metadata: ModuleMetadata,
  use: (app: DashboardApp) => Promise<void>,
  settings: {
    readonly platform?: (typeof PLATFORMS)[number];
    readonly prepare?: (app: INestApplication) => unknown;
    /** In place of `forRoot(options)`. */
    readonly module?: DynamicModule;
  } = {},
): Promise<void> {
  const imports = [...(metadata.imports ?? []), settings.module ?? AmqpDashboardModule.forRoot(options)];
  const root = rootOf({ ...metadata, imports });
  const quiet = { logger: false, abortOnError: false } as const;
  const app = await (settings.platform === 'fastify'
    ? NestFactory.create(root, new FastifyAdapter(), quiet)
    : NestFactory.create(root, quiet));
  try {
    await settings.prepare?.(app);
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    const path = options.path ?? 'amqp';
    const send = async (at: string, init: RequestInit): Promise<Answer> => answerOf(await fetch(`${url}${at}`, init));
    const post = (at: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
      send(at, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers });
    const act = (action: string, body: unknown): Promise<Answer> =>
      post(`/${path}/api/actions/${action}`, body, {
        'content-type': 'application/json',
        'x-amqp-dashboard': 'action',
      });
    const get = (at: string, headers: Record<string, string> = {}): Promise<Answer> => send(at, { headers });
    await use({ app, dashboard: app.get(AmqpDashboard), url, get, post, act });
  } finally {
    await app.close();
  }
}

/** Of its own for each application. */
function rootOf(metadata: ModuleMetadata): DynamicModule {
  @Module({})
  class DashboardTestModule {}
  return { module: DashboardTestModule, ...metadata };
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
}
