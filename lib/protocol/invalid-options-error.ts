// An option that cannot work, and how much of its value is shown.

import { AmqpError } from './errors.js';

const BRAND = Symbol.for('nestjs-amqp10:error');

/** An option cannot work, or there is none of that name. Thrown by constructors and while an application starts. */
export class InvalidOptionsError extends AmqpError {
  /** @internal */
  static readonly [BRAND]: string = 'InvalidOptionsError';

  /**
   * @param option full path of the option, for example `connections.orders.keepAlive.idleTimeoutMs`
   * @param expected goes on after "must be": `a whole number from 1 to 255`
   * @param received the value as given. Only plain values are shown, shortened; of everything else the kind.
   * @param secret shows nothing of the value but its kind
   */
  constructor(
    readonly option: string,
    readonly expected: string,
    received: unknown,
    secret?: 'secret',
  ) {
    super(
      'invalid-options',
      `${option} must be ${expected}, received ${describeReceived(received, secret !== undefined)}`,
    );
  }
}

const SHOWN_CHARACTERS = 80;

function describeReceived(value: unknown, secret: boolean): string {
  if (typeof value === 'string') {
    if (secret) return value === '' ? 'an empty string' : 'a string (not shown)';
    // A URI, in its own option or in a wrong one, may carry a password in front of its last @.
    const harmless = value.replace(/^.*@/su, '***@');
    return JSON.stringify(harmless.length > SHOWN_CHARACTERS ? `${harmless.slice(0, SHOWN_CHARACTERS)}...` : harmless);
  }
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return secret ? `a ${typeof value} (not shown)` : String(value);
  }
  if (value === undefined || value === null) return String(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
}
