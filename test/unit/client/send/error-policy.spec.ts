import { describe, expect, it } from '@jest/globals';
import { SendError, type SendErrorCode } from '../../../../lib/client/errors.js';
import { retriedByTable } from '../../../../lib/client/send/error-policy.js';
import type { Outcome } from '../../../../lib/protocol/index.js';

const failed = (facts: { code?: SendErrorCode; condition?: string | undefined; outcome?: Outcome }): SendError => {
  const { code = 'link-closed', ...rest } = facts;
  return new SendError(code, 'failed', { ...rest, address: 'orders', delivered: 'unknown', attempts: 1 });
};

describe('the table of conditions', () => {
  it.each<[string, boolean]>([
    ['amqp:internal-error', true],
    ['amqp:resource-locked', true],
    ['amqp:connection:forced', true],
    ['amqp:link:detach-forced', true],
    ['amqp:link:transfer-limit-exceeded', true],
    ['amqp:client-error', true],
    ['amqp:unknown-error', true],
    ['amqp:vendor-error', true],
    ['vendor:anything', true],
    ['com.microsoft:server-busy', true],
    ['com.microsoft:entity-disabled', false],
    ['amqp:decode-error', false],
    ['amqp:invalid-field', false],
    ['amqp:illegal-state', false],
    ['amqp:not-implemented', false],
    ['amqp:not-allowed', false],
    ['amqp:frame-size-too-small', false],
    ['amqp:not-found', false],
    ['amqp:unauthorized-access', false],
    ['amqp:precondition-failed', false],
    ['amqp:resource-deleted', false],
    ['amqp:resource-limit-exceeded', false],
    ['amqp:connection:framing-error', false],
    ['amqp:session:window-violation', false],
    ['amqp:session:errant-link', false],
    ['amqp:session:handle-in-use', false],
    ['amqp:session:unattached-handle', false],
    ['amqp:link:message-size-exceeded', false],
    ['amqp:link:stolen', false],
    ['amqp:link:redirect', false],
    ['amqp:connection:redirect', false],
  ])('%s is tried again: %p', (condition, again) => {
    expect(retriedByTable(failed({ condition }))).toBe(again);
    expect(retriedByTable(failed({ code: 'connection-lost', condition }))).toBe(again);
  });

  it('takes an end without a condition for one that may be mended', () => {
    expect([retriedByTable(failed({})), retriedByTable(failed({ code: 'connection-lost' }))]).toEqual([true, true]);
  });

  it.each<SendErrorCode>(['timeout', 'aborted', 'encode', 'queue-full', 'client-closed', 'not-supported'])(
    'is not asked about what no peer said: %s',
    (code) => {
      expect(retriedByTable(failed({ code }))).toBe(false);
    },
  );

  it('leaves outcomes other than modified to whoever asks', () => {
    const again = (outcome: Outcome): boolean => retriedByTable(failed({ code: 'rejected', outcome }));
    expect(again({ kind: 'rejected' })).toBe(false);
    expect(again({ kind: 'rejected', condition: 'amqp:internal-error' })).toBe(false);
    expect(again({ kind: 'released' })).toBe(false);
    expect(again({ kind: 'modified', deliveryFailed: true, undeliverableHere: false })).toBe(true);
    expect(again({ kind: 'modified', deliveryFailed: true, undeliverableHere: true })).toBe(false);
  });
});
