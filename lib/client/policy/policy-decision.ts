// Answers of policies: whether they are any, and what they are in words.

import type { Outcome } from '../../protocol/index.js';
import { MAX_TIMER_MS } from '../options/check.js';
import { errorName } from './error-name.js';
import type { PolicyDecision } from './handler-policy.js';

/** What a message gets whose policy cannot be followed. */
export function rejection(error: unknown): Extract<PolicyDecision, { kind: 'settle' }> {
  const description = errorName(error);
  return { kind: 'settle', outcome: { kind: 'rejected', condition: 'amqp:internal-error', description } };
}

/** Nothing was lost, and nobody has to look. */
export function isHarmless(decision: PolicyDecision): boolean {
  return decision.kind === 'settle' && decision.outcome.kind === 'accepted';
}

/** For log lines. */
export function inWords(decision: PolicyDecision): string {
  switch (decision.kind) {
    case 'retry':
      return `retried in ${decision.delayMs} ms`;
    case 'settle':
      return decision.outcome.kind;
    case 'redeliver':
      return `given back in ${decision.delayMs ?? 0} ms`;
    case 'dead-letter':
      return 'dead-lettered';
    case 'pause':
      return `${decision.outcome?.kind ?? 'released'}, and the consumer pauses for ${decision.delayMs} ms`;
    case 'stop':
      return `${decision.outcome?.kind ?? 'released'}, and the consumer stops`;
  }
}

/** Whether a policy's answer can be followed. */
export function isDecision(value: unknown): value is PolicyDecision {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  switch (value.kind) {
    case 'retry':
      return 'delayMs' in value && isDelay(value.delayMs);
    case 'redeliver':
      return !('delayMs' in value) || value.delayMs === undefined || isDelay(value.delayMs);
    case 'settle':
      return 'outcome' in value && isOutcome(value.outcome);
    case 'pause':
      return 'delayMs' in value && isDelay(value.delayMs) && mayHaveOutcome(value);
    case 'stop':
      return mayHaveOutcome(value);
    case 'dead-letter':
      return 'target' in value && value.target !== undefined && value.target !== null;
    default:
      return false;
  }
}

function isDelay(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= MAX_TIMER_MS;
}

function mayHaveOutcome(value: object): boolean {
  return !('outcome' in value) || value.outcome === undefined || isOutcome(value.outcome);
}

function isOutcome(value: unknown): value is Outcome {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  return ['accepted', 'rejected', 'released', 'modified'].includes(String(value.kind));
}
