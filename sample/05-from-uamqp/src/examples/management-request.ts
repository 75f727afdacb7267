import assert from 'node:assert/strict';
import { AmqpError, ManagementError } from 'nestjs-amqp10/client';
import type { Example } from '../example.js';

/** `mgmt_request(message, operation, op_type, node, timeout)`. A status that is no success rejects; here it says which. */
export const managementRequest: Example = {
  title: 'management request',
  uamqp: 'SendClient.mgmt_request',
  async run({ connection, queue, broker }) {
    const name = await queue();
    await connection.createSendClient(name).send('counted');
    const management = connection.createManagementClient({ timeoutMs: broker === undefined ? 1_000 : 10_000 });
    const read = (of: string): Promise<unknown> =>
      management
        .request({ operation: 'READ', type: 'queue', applicationProperties: { name: of } })
        .then(({ body }) => body);
    try {
      if (broker === undefined) {
        const error: unknown = await read(name).catch((reason: unknown) => reason);
        assert.ok(error instanceof AmqpError, String(error));
        return `this peer has no node $management: ${error.name}, code ${error.code}`;
      }
      assert.deepEqual(await read(name), { name, messages: 1, consumers: 0 });
      const missing: unknown = await read('nowhere').catch((reason: unknown) => reason);
      assert.ok(missing instanceof ManagementError && missing.statusCode === 404, String(missing));
      return `${name} holds 1 message; of a queue that is not there: ${missing.statusCode}`;
    } finally {
      await management.close();
    }
  },
};
