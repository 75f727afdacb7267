import { InvalidOptionsError } from '../../protocol/index.js';
import { checkObject, joinPath } from './check.js';
import type { WebSocketOptions } from './connection-options.js';

/** @throws InvalidOptionsError */
export function checkWebSocket(value: unknown, path: string): { readonly subprotocol: string } {
  const options: WebSocketOptions = checkObject(value, path, ['subprotocol']);
  const { subprotocol = 'amqp' } = options;
  // A token of RFC 9110, as the header has to be.
  if (typeof subprotocol === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(subprotocol)) return { subprotocol };
  throw new InvalidOptionsError(joinPath(path, 'subprotocol'), "a token such as 'amqp' or 'AMQPWSB10'", subprotocol);
}
