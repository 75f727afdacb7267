// One HTTP request: who may ask -> what was asked for -> the answer, written through Nest's adapter of Express or Fastify.

import { Inject, Injectable } from '@nestjs/common';
// Injected by emitted type metadata: this must stay a value import.
import { HttpAdapterHost } from '@nestjs/core';

import { AmqpDashboard, DASHBOARD_SETTINGS } from '../dashboard.js';
import type { AmqpDashboardRequest, ResolvedDashboardSettings } from '../dashboard-options.js';
import { type DashboardPage, renderPage } from '../page/page.js';
import { DashboardActions } from './actions.js';
import { CROSS_SITE, isFromElsewhere, isToUs, refusalOfAction, UNKNOWN_HOST } from './request-guard.js';

type Headers = Readonly<Record<string, string>>;

const TEXT: Headers = { 'content-type': 'text/plain; charset=utf-8' };
const JSON_TYPE: Headers = { 'content-type': 'application/json; charset=utf-8' };
/** Of every answer: it is nobody's but the reader's, and it is what it says it is. */
const ALWAYS: Headers = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Answers what the controller gets. */
@Injectable()
export class DashboardRequests {
  private readonly html: DashboardPage;

  constructor(
    private readonly adapter: HttpAdapterHost,
    @Inject(AmqpDashboard) private readonly dashboard: AmqpDashboard,
    @Inject(DashboardActions) private readonly actions: DashboardActions,
    @Inject(DASHBOARD_SETTINGS) private readonly settings: ResolvedDashboardSettings,
  ) {
    this.html = renderPage(settings.title);
  }

  async page(request: AmqpDashboardRequest, response: unknown): Promise<void> {
    if (!(await this.mayRead(request, response, TEXT))) return;
    const { html, policy } = this.html;
    const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy };
    this.write(response, 200, headers, html);
  }

  async state(request: AmqpDashboardRequest, response: unknown): Promise<void> {
    if (!(await this.mayRead(request, response, JSON_TYPE))) return;
    if (isFromElsewhere(request, this.settings.allowedOrigins)) {
      this.refuse(response, 403, JSON_TYPE, 'cross-site', CROSS_SITE);
      return;
    }
    const { actions, refreshMs } = this.settings;
    this.write(response, 200, JSON_TYPE, JSON.stringify({ ...this.dashboard.snapshot(), actions, refreshMs }));
  }

  async action(request: AmqpDashboardRequest, response: unknown, name: string, body: unknown): Promise<void> {
    if (!(await this.isAuthorized(request, response, JSON_TYPE))) return;
    if (!this.settings.actions) {
      this.refuse(response, 404, JSON_TYPE, 'actions-off', 'this dashboard only shows; its option actions is false');
      return;
    }
    const refusal = refusalOfAction(request, this.settings.allowedOrigins);
    if (refusal !== undefined) {
      const allow = refusal.status === 405 ? { allow: 'POST' } : {};
      this.refuse(response, refusal.status, { ...JSON_TYPE, ...allow }, refusal.code, refusal.message);
      return;
    }
    const answer = await this.actions.run(name, body);
    this.write(response, answer.status, JSON_TYPE, JSON.stringify(answer.body));
  }

  private async mayRead(request: AmqpDashboardRequest, response: unknown, type: Headers): Promise<boolean> {
    if (!(await this.isAuthorized(request, response, type))) return false;
    if (request.method === 'GET' || request.method === 'HEAD') return true;
    this.refuse(response, 405, { ...type, allow: 'GET, HEAD' }, 'method-not-allowed', 'this is only read');
    return false;
  }

  private async isAuthorized(request: AmqpDashboardRequest, response: unknown, type: Headers): Promise<boolean> {
    const { authorize, allowedOrigins } = this.settings;
    if (!isToUs(request, allowedOrigins)) {
      this.refuse(response, 403, type, 'unknown-host', UNKNOWN_HOST);
      return false;
    }
    const answer: unknown = authorize === undefined ? true : await authorize(request);
    // Only true is a yes: what a user without types forgot to return is none.
    if (answer === true) return true;
    this.refuse(response, 403, type, 'forbidden', 'the application does not let you see this');
    return false;
  }

  private refuse(response: unknown, status: number, type: Headers, code: string, message: string): void {
    const body = type === TEXT ? message : JSON.stringify({ ok: false, error: { code, message } });
    this.write(response, status, type, body);
  }

  private write(response: unknown, status: number, headers: Headers, body: string): void {
    const { httpAdapter } = this.adapter;
    for (const [name, value] of Object.entries({ ...ALWAYS, ...headers })) httpAdapter.setHeader(response, name, value);
    httpAdapter.reply(response, body, status);
  }
}
