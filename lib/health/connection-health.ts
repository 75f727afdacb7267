// What one connection and its consumers and links say of themselves -> up, degraded or down, and why. Nothing here waits.

import type { AmqpError, LinkStatus } from '../client/index.js';
import type { ApplicationConnection, ApplicationConsumer } from '../nest/index.js';
import { type ConnectionHealth, type ConsumerHealth, errorDetails, type LinkHealth } from './health-details.js';
import type { CheckedConnection, ResolvedHealthOptions } from './health-options.js';

/** One of the application's, or one that the check was handed. */
export interface CheckedOne extends Omit<ApplicationConnection, 'connection'> {
  readonly connection: CheckedConnection;
}

/** What is found of one connection, or of all. */
export interface Finding {
  readonly verdict: 'up' | 'degraded' | 'down';
  /** In words. */
  readonly reasons: readonly string[];
}

/** A connection may have a link for each of very many addresses. */
const MOST_LINKS = 100;

/** Whether it can do its work now. */
export function readinessOf(one: CheckedOne, options: ResolvedHealthOptions): Finding {
  const { name, connection } = one;
  const { status, cause, lastError } = connection.lastStatus;
  const what = `connection ${name}`;
  // Not used so far, and nobody has tried: it opens with its first use.
  if (isUnused(connection)) return { verdict: 'up', reasons: [] };
  const isWaiting = awaitsUse(one);
  if (status !== 'connected' && status !== 'blocked' && !isWaiting)
    return { verdict: 'down', reasons: [because(`${what} is ${status}`, cause ?? lastError)] };
  const consumers = one.consumers.filter((consumer) => isAiling(consumer) && !options.ignore.has(consumer.name));
  const links = connection.links.filter((link) => counts(link, one.consumers, options) && isBroken(link));
  const told = links.filter(({ role, address }) => role !== 'receive' || !consumers.some(receivesFrom(address)));
  const reasons = [
    ...consumers.map((consumer) => because(`consumer ${consumer.name} is ${consumer.state}`, causeOf(consumer, links))),
    ...told.map(({ role, address, state, error }) => because(`${role} link to ${address} is ${state}`, error)),
  ].map((reason) => `${what}: ${reason}`);
  if (isWaiting) reasons.push(because(`${what} is ${status} until its next use`, cause ?? lastError));
  if (status === 'blocked') reasons.push(because(`${what} is blocked`, cause));
  const isDown = consumers.some(({ state }) => state !== 'paused') || told.some((link) => !waitsForItsNextUse(link));
  return { verdict: isDown ? 'down' : reasons.length > 0 ? 'degraded' : 'up', reasons };
}

/** Whether there is hope that it can do its work again by itself. */
export function livenessOf(one: CheckedOne): Finding {
  const { name, connection, isPersistent } = one;
  const { isGivenUp, cause } = connection.lastStatus;
  if (!isGivenUp || isPersistent || awaitsUse(one)) return { verdict: 'up', reasons: [] };
  return { verdict: 'down', reasons: [because(`connection ${name} is given up`, cause)] };
}

export function detailsOf({ connection, consumers }: CheckedOne): ConnectionHealth {
  const { status, since, lastError, lastErrorAt } = connection.lastStatus;
  const { peer } = connection;
  const product = peer && [peer.product ?? peer.profile, peer.version].filter((part) => part !== undefined).join(' ');
  return {
    status,
    since: isoTime(since),
    ...(product === undefined ? {} : { peer: product }),
    ...(lastError === undefined || lastErrorAt === undefined
      ? {}
      : { lastError: { ...errorDetails(lastError), at: isoTime(lastErrorAt) } }),
    consumers: Object.fromEntries(consumers.map((consumer) => [consumer.name, consumerDetails(consumer)])),
    links: connection.links
      .toSorted((left, right) => Number(isBroken(right)) - Number(isBroken(left)))
      .slice(0, MOST_LINKS)
      .map(linkDetails),
  };
}

function isUnused({ lastStatus }: CheckedConnection): boolean {
  return lastStatus.status === 'disconnected' && lastStatus.lastError === undefined && !lastStatus.isGivenUp;
}

/** Its next use opens it: taken out of the load balancer, it would not be used. Where somebody tries by itself, that is what it waits for. */
function awaitsUse({ connection, isPersistent }: CheckedOne): boolean {
  return connection.lastStatus.awaitsUse && !isPersistent;
}

/** Closed is what somebody wished, and so is paused but by a policy; what a policy stopped, or the peer refused, is failed. */
function isAiling({ state, error }: ApplicationConsumer): boolean {
  switch (state) {
    case 'starting':
    case 'failed':
      return true;
    case 'paused':
      return error !== undefined;
    case 'running':
    case 'closed':
      return false;
  }
}

/**
 * A sender that is being attached for the first time is on its way; a receiver is not there. A subscription's is idle when the connection
 * was given up before it was attached: nothing but the subscription itself asks for it again.
 */
function isBroken({ role, state, error, takenBy }: LinkStatus): boolean {
  switch (state) {
    case 'lost':
    case 'refused':
    case 'failed':
      return true;
    case 'attaching':
      return role === 'receive' || error !== undefined;
    case 'idle':
      return takenBy === 'subscription';
    case 'attached':
    case 'closed':
      return false;
  }
}

/** Only its client's next call tries it again: a process that is asked for nothing while it is down would never be up again. */
function waitsForItsNextUse({ role, state, takenBy }: LinkStatus): boolean {
  return state === 'failed' && (role !== 'receive' || takenBy === 'calls');
}

/** With a consumer that is ignored, so is its link. */
function counts(
  { role, address }: LinkStatus,
  consumers: readonly ApplicationConsumer[],
  { roles, ignore }: ResolvedHealthOptions,
): boolean {
  if (!roles.has(role) || ignore.has(address)) return false;
  return role !== 'receive' || !consumers.filter(({ name }) => ignore.has(name)).some(receivesFrom(address));
}

/** While it is brought back, its link knows why it is gone. */
function causeOf(consumer: ApplicationConsumer, links: readonly LinkStatus[]): AmqpError | undefined {
  const itsLink = links.find(({ role, address }) => role === 'receive' && receivesFrom(address)(consumer));
  return consumer.error ?? itsLink?.error;
}

function receivesFrom(address: string): (consumer: ApplicationConsumer) => boolean {
  return ({ addresses }) => addresses.includes(address);
}

function consumerDetails({ state, inHand, error }: ApplicationConsumer): ConsumerHealth {
  return { state, inHand, ...(error === undefined ? {} : { error: errorDetails(error) }) };
}

function linkDetails({ role, address, state, error }: LinkStatus): LinkHealth {
  return { role, address, state, ...(error === undefined ? {} : { error: errorDetails(error) }) };
}

function because(what: string, error: AmqpError | undefined): string {
  return error === undefined ? what : `${what}: ${errorDetails(error).message}`;
}

function isoTime(at: number): string {
  return new Date(at).toISOString();
}
