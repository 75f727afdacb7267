// What is said of errors, decisions and targets: enough to look further, nothing of what messages hold.

import type { PolicyDecision, Target } from '../../client/index.js';
import type { DashboardError } from '../snapshot.js';
import { shortened } from './bounded-table.js';

export function describeError(error: unknown, at: number): DashboardError {
  const isObject = typeof error === 'object' && error !== null;
  const maker: unknown = isObject ? error.constructor : undefined;
  const name = typeof maker === 'function' && maker.name !== '' ? maker.name : typeof error;
  const code: unknown = isObject ? Reflect.get(error, 'code') : undefined;
  return { name: shortened(name), ...(typeof code === 'string' ? { code: shortened(code) } : {}), at };
}

export function describeDecision(decision: PolicyDecision): string {
  switch (decision.kind) {
    case 'retry':
      return `retry in ${Math.round(decision.delayMs)} ms`;
    case 'redeliver':
      return decision.delayMs === undefined ? 'redeliver' : `redeliver in ${Math.round(decision.delayMs)} ms`;
    case 'dead-letter':
      return shortened(`dead letter to ${nameOf(decision.target)}`);
    case 'pause':
      return `pause the consumer for ${Math.round(decision.delayMs)} ms`;
    case 'stop':
      return 'stop the consumer';
    case 'settle': {
      const { outcome } = decision;
      const condition = outcome.kind === 'rejected' ? outcome.condition : undefined;
      return shortened(condition === undefined ? outcome.kind : `${outcome.kind} (${condition})`);
    }
  }
}

function nameOf(target: Target): string {
  if (typeof target === 'string') return target;
  const { address, queue, topic, exchange, routingKey } = target ?? {};
  const place = address ?? queue ?? topic ?? exchange ?? 'nobody';
  return exchange === undefined || routingKey === undefined ? place : `${place}/${routingKey}`;
}
