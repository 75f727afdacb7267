// What a browser can be made to send from somebody else's page is not taken.

import type { AmqpDashboardRequest } from '../dashboard-options.js';

/** The header that a state-changing request must have: no form and no image can send it, and a script of another origin must ask first. */
export const GUARD_HEADER = 'x-amqp-dashboard';
export const GUARD_VALUE = 'action';

/** Why a request is refused. */
export interface Refusal {
  readonly status: 403 | 405 | 415;
  readonly code: string;
  readonly message: string;
}

/** Whether a browser says that another site's page sent it. Programs that are no browser say nothing. */
export function isFromElsewhere({ headers }: AmqpDashboardRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin, host } = headers;
  if (origin === undefined) return false;
  const forwarded = String(headers['x-forwarded-host'] ?? '')
    .split(',')
    .map((name) => name.trim());
  return ![host, ...forwarded].includes(hostOf(origin));
}

/** Why an action is not taken; `undefined`: it may be tried. */
export function refusalOfAction(request: AmqpDashboardRequest): Refusal | undefined {
  const { method, headers } = request;
  if (method !== 'POST') return { status: 405, code: 'method-not-allowed', message: 'an action is a POST' };
  if (isFromElsewhere(request)) return { status: 403, code: 'cross-site', message: 'sent by the page of another site' };
  if (headers[GUARD_HEADER] !== GUARD_VALUE)
    return { status: 403, code: 'guard-header', message: `needs the header ${GUARD_HEADER}: ${GUARD_VALUE}` };
  if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? ''))
    return { status: 415, code: 'not-json', message: 'needs content-type application/json' };
  return undefined;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
