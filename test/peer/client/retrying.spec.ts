import { afterEach, expect, it } from '@jest/globals';
import { AmqpConnection } from '../../../lib/client/amqp-connection.js';
import { ClientClosedError } from '../../../lib/client/errors.js';
import { InvalidOptionsError } from '../../../lib/protocol/invalid-options-error.js';
import { ScriptedPeer } from '../../support/scripted-peer.js';

let peer: ScriptedPeer;
let connection: AmqpConnection;
afterEach(async () => {
  await connection.close({ timeoutMs: 500 });
  await peer.close();
});

it('work on a connection that is lost is done again on the next one', async () => {
  peer = await ScriptedPeer.listen();
  connection = new AmqpConnection({ uri: peer.uri, reconnect: { initialDelayMs: 1 } });
  const orders = connection.createSendClient('orders', { onConnectionLost: 'fail' });
  const hints: boolean[] = [];
  const result = await connection.retrying(
    async ({ number, mayRepeat }) => {
      hints.push(mayRepeat);
      await orders.send(`first ${number}`);
      if (number === 1) peer.connection.drop();
      return (await orders.send(`second ${number}`)).ok;
    },
    { backoff: () => 1 },
  );
  expect(result).toBe(true);
  expect(hints).toEqual([false, true]);
  expect(peer.connections).toHaveLength(2);
  await expect(connection.retrying('work' as never)).rejects.toBeInstanceOf(InvalidOptionsError);
  await connection.close();
  await expect(connection.retrying(async () => 1)).rejects.toBeInstanceOf(ClientClosedError);
});
