import { Injectable } from '@nestjs/common';
// Injected by emitted type metadata: a value import.
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';

import { InvalidOptionsError } from '../client/index.js';
import { AmqpRuntime } from '../nest/index.js';
import { type CheckedOne, detailsOf, type Finding, livenessOf, readinessOf } from './connection-health.js';
import type { AmqpHealthDetails } from './health-details.js';
import {
  type AmqpHealthOptions,
  type CheckedConnection,
  resolveHealthOptions,
  type ResolvedHealthOptions,
} from './health-options.js';

/**
 * The state of the application's connections, consumers and links, for terminus's `HealthCheckService`. It reads what is known already
 * and asks no peer, so that an answer costs no time and cannot hang.
 */
@Injectable()
export class AmqpHealthIndicator {
  /** @internal Made by AmqpHealthModule. */
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly runtime: AmqpRuntime,
  ) {}

  /**
   * Readiness: whether messages can be sent and received now.
   *
   * `down`: the application is shutting down; a connection is not there (one that nobody has used yet is fine); a consumer is `starting`
   * or `failed`, as after `policy.stop`; a link is lost or refused, or receives and is not attached yet, or failed as a subscription's.
   * `degraded`: a connection is blocked by its peer; one that was given up before it was ever connected, or the link of a sender, a
   * requester or calls that fetch, which has failed, waits for its next use; terminus 11, which has no such status, shows it as `up`, with
   * the reason in the details. A consumer that is paused, closed, not enabled or not started is as somebody wished.
   *
   * @throws InvalidOptionsError, also for a name that is no connection's
   */
  isHealthy<const Key extends string>(key: Key, options?: AmqpHealthOptions): HealthIndicatorResult<Key> {
    const resolved = resolveHealthOptions(options);
    const findings = this.connectionsOf(resolved).map((one) => readinessOf(one, resolved));
    if (this.runtime.isStopping) findings.unshift({ verdict: 'down', reasons: ['the application is shutting down'] });
    return this.resultOf(key, findings, resolved);
  }

  /**
   * Liveness: `down` when `reconnect.maxAttempts` or `onRefused: 'stop'` ended a connection, and nobody opens it again by itself; else
   * `up`, also in a shutdown, while a peer is away, and when the first use of a connection found none: the next one opens it.
   *
   * @throws InvalidOptionsError, also for a name that is no connection's
   */
  isAlive<const Key extends string>(
    key: Key,
    options?: Pick<AmqpHealthOptions, 'connections'>,
  ): HealthIndicatorResult<Key> {
    const resolved = resolveHealthOptions(options);
    const findings = this.runtime.isStopping ? [] : this.connectionsOf(resolved).map(livenessOf);
    return this.resultOf(key, findings, resolved);
  }

  private resultOf<const Key extends string>(
    key: Key,
    findings: readonly Finding[],
    options: ResolvedHealthOptions,
  ): HealthIndicatorResult<Key> {
    const connections = this.connectionsOf(options).map((one) => [one.name, detailsOf(one)] as const);
    const details: AmqpHealthDetails = {
      reasons: findings.flatMap(({ reasons }) => reasons),
      connections: Object.fromEntries(connections),
    };
    const session = this.indicator.check(key);
    const data = { ...details };
    if (findings.some(({ verdict }) => verdict === 'down')) return session.down(data);
    const isDegraded = findings.some(({ verdict }) => verdict === 'degraded');
    // Terminus 11 has none.
    return isDegraded && 'degraded' in session ? session.degraded(data) : session.up(data);
  }

  private connectionsOf({ connections: given }: ResolvedHealthOptions): readonly CheckedOne[] {
    const known = this.runtime.connections;
    // What a proxy or server was given is theirs to close.
    if (given === undefined)
      return known.filter(({ owner, connection }) => owner === 'module' || connection.status !== 'closed');
    return given.map((one, index) => {
      const found = known.find(({ name, connection }) => one === name || one === connection);
      if (found !== undefined) return found;
      if (typeof one !== 'string') return strange(one, index);
      const names = known.map(({ name }) => name).join(', ');
      throw new InvalidOptionsError(`connections[${index}]`, `one of the application's: ${names}`, one);
    });
  }
}

/** One that the application made for itself. */
function strange(connection: CheckedConnection, index: number): CheckedOne {
  return { name: `connection ${index + 1}`, connection, owner: 'transport', consumers: [], isPersistent: false };
}
