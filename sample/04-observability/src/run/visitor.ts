// Asks the application over HTTP, as people, Kubernetes and an administrator do.

import type { AmqpDashboardSnapshot } from 'nestjs-amqp10/dashboard';
import type { Order } from '../shop/order.js';

const PATIENCE_MS = 20_000;

/** What both probes said at one moment. */
export interface Health {
  readonly ready: number;
  readonly live: number;
  /** Why it is not ready; empty when it is. */
  readonly reasons: readonly string[];
}

/** The status without and with the token, and whether the page came. */
export interface DashboardPage {
  readonly stranger: number;
  readonly admin: number;
  readonly isPage: boolean;
}

export class Visitor {
  constructor(
    private readonly url: string,
    private readonly adminToken: string,
  ) {}

  /** The HTTP status. */
  async order(order: Order): Promise<number> {
    const response = await this.#fetch('/orders', {
      method: 'POST',
      body: JSON.stringify(order),
      headers: { 'content-type': 'application/json' },
    });
    return response.status;
  }

  async health(): Promise<Health> {
    const [ready, live] = await Promise.all([this.#fetch('/health/ready'), this.#fetch('/health/live')]);
    // As terminus answers: what is down stands in `details`, by the key of the check.
    const { details } = (await ready.json()) as { details: { amqp: { reasons: readonly string[] } } };
    return { ready: ready.status, live: live.status, reasons: details.amqp.reasons };
  }

  async dashboardPage(): Promise<DashboardPage> {
    const stranger = await this.#fetch('/amqp');
    const admin = await this.#fetch('/amqp', this.#asAdmin());
    return { stranger: stranger.status, admin: admin.status, isPage: /<!doctype html>/i.test(await admin.text()) };
  }

  async dashboardState(): Promise<AmqpDashboardSnapshot> {
    const response = await this.#fetch('/amqp/api/state', this.#asAdmin());
    return (await response.json()) as AmqpDashboardSnapshot;
  }

  #asAdmin(): RequestInit {
    return { headers: { authorization: `Bearer ${this.adminToken}` } };
  }

  #fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
  }
}
