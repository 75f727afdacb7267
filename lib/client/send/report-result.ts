// A message leaving, last step: its outcome -> the caller's promise and the observers.

import type { Outcome } from '../../protocol/index.js';
import type { SendError } from '../errors.js';
import type { Observers } from '../observer/observers.js';
import type { PendingSend } from './pending-send.js';
import type { SendFailureResult, SendSuccess } from './send-result.js';

/** @param outcome `undefined`: it was sent pre-settled */
export function successOf(pending: PendingSend, outcome: Outcome | undefined, routed: boolean): SendSuccess {
  // Every message of ours has an id before it is sent.
  const messageId = pending.message.properties?.messageId ?? '';
  const { attempts } = pending;
  return outcome === undefined
    ? { ok: true, messageId, routed, attempts }
    : { ok: true, messageId, outcome, routed, attempts };
}

/** Tells whoever waits, once. */
export function reportResult(pending: PendingSend, result: SendSuccess | SendError, observers: Observers): void {
  const { tokens } = pending;
  if (!(result instanceof Error)) {
    if (tokens !== undefined) observers.sent(tokens, result);
    pending.resolve?.(result);
    return;
  }
  const failure = failureOf(pending, result);
  if (tokens !== undefined) observers.sent(tokens, failure);
  if (pending.reject === undefined) pending.resolve?.(failure);
  else pending.reject(result);
}

function failureOf(pending: PendingSend, error: SendError): SendFailureResult {
  const messageId = pending.message.properties?.messageId;
  const { attempts } = pending;
  return messageId === undefined ? { ok: false, error, attempts } : { ok: false, messageId, error, attempts };
}
