// Where a connection stands, in what may be shown.

import type { AmqpConnection, AmqpError, LinkStatus } from '../../client/index.js';
import type { DashboardCause, DashboardConnection, DashboardLink, DashboardLinkError } from '../snapshot.js';
import { shortened } from './bounded-table.js';
import { describeError } from './describe.js';

const MOST_LINKS = 500;
/** Of the text of an error. */
const MOST_CHARACTERS = 500;

export function connectionSnapshot(name: string, connection: AmqpConnection, reconnects: number): DashboardConnection {
  const { peer, lastStatus, links } = connection;
  const { product, version, profile, uri } = peer ?? {};
  const { status, since, isGivenUp, lastError, lastErrorAt } = lastStatus;
  return {
    name,
    status,
    since,
    isGivenUp,
    ...(profile === undefined || uri === undefined ? {} : { peer: { product, version, profile, uri } }),
    ...(lastError === undefined ? {} : { lastCause: causeOf(lastError, lastErrorAt ?? since) }),
    reconnects,
    links: links.slice(0, MOST_LINKS).map(linkOf),
    linkCount: links.length,
  };
}

function causeOf(error: AmqpError, at: number): DashboardCause {
  return { ...describeError(error, at), message: error.message.slice(0, MOST_CHARACTERS) };
}

function linkOf({ role, address, state, error }: LinkStatus): DashboardLink {
  const shown = { role, address: shortened(address), state };
  return error === undefined ? shown : { ...shown, error: linkErrorOf(error) };
}

function linkErrorOf(error: AmqpError): DashboardLinkError {
  const { code, condition, message } = error;
  return {
    name: shortened(error.constructor.name),
    code,
    ...(condition === undefined ? {} : { condition: shortened(condition) }),
    message: message.slice(0, MOST_CHARACTERS),
  };
}
