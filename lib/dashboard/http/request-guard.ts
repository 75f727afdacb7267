// What a browser can be made to send from somebody else's page is not taken.

import { isIP } from 'node:net';

import type { AmqpDashboardRequest } from '../dashboard-options.js';

/** The header that a state-changing request must have: no form and no image can send it, and a script of another origin must ask first. */
export const GUARD_HEADER = 'x-amqp-dashboard';
export const GUARD_VALUE = 'action';
/** Says the remedy, too: a proxy that changes Host looks the same from here. */
export const CROSS_SITE =
  'sent by the page of another site (behind a proxy that changes Host, allowedOrigins names where this page stands)';

/** Says the remedy, too. */
export const UNKNOWN_HOST =
  'Host is no name of this dashboard: localhost, addresses, and the hosts of allowedOrigins are';

/** Why a request is refused. */
export interface Refusal {
  readonly status: 403 | 405 | 415;
  readonly code: string;
  readonly message: string;
}

/**
 * Whether a browser says that another site's page sent it. Programs that are no browser say nothing. Only headers count that no page can
 * set: `x-forwarded-host` and its like are whatever the page of another site wants them to be.
 */
export function isFromElsewhere({ headers }: AmqpDashboardRequest, allowedOrigins: readonly string[]): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin, host } = headers;
  if (origin === undefined) return false;
  if (!URL.canParse(origin)) return true;
  return new URL(origin).host !== host && !allowedOrigins.includes(origin);
}

/**
 * Whether the name that it was sent to is one of ours. Any other may be the name of somebody's page that now points here (DNS rebinding),
 * which a browser takes for this page's own origin; it cannot make an address, nor `localhost`, point elsewhere. The port does not matter.
 */
export function isToUs({ headers }: AmqpDashboardRequest, allowedOrigins: readonly string[]): boolean {
  // HTTP/2 has the latter in place of the former.
  const host = headers.host ?? headers[':authority'];
  const url = `http://${typeof host === 'string' ? host : ''}`;
  if (!URL.canParse(url)) return false;
  const name = nameIn(url);
  if (name === 'localhost' || name.endsWith('.localhost') || isIP(name.replaceAll(/^\[|\]$/g, '')) !== 0) return true;
  return allowedOrigins.some((origin) => nameIn(origin) === name);
}

/** Without the dot of the root that may end it. */
function nameIn(url: string): string {
  return new URL(url).hostname.replace(/\.$/, '');
}

/** Why an action is not taken; `undefined`: it may be tried. */
export function refusalOfAction(request: AmqpDashboardRequest, allowedOrigins: readonly string[]): Refusal | undefined {
  const { method, headers } = request;
  if (method !== 'POST') return { status: 405, code: 'method-not-allowed', message: 'an action is a POST' };
  if (isFromElsewhere(request, allowedOrigins)) return { status: 403, code: 'cross-site', message: CROSS_SITE };
  if (headers[GUARD_HEADER] !== GUARD_VALUE)
    return { status: 403, code: 'guard-header', message: `needs the header ${GUARD_HEADER}: ${GUARD_VALUE}` };
  if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? ''))
    return { status: 415, code: 'not-json', message: 'needs content-type application/json' };
  return undefined;
}
