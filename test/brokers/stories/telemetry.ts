// What telemetry writes beside a message.

import { expect } from '@jest/globals';
import { AmqpInstrumentation } from '../../../lib/telemetry/index.js';
import { hasFailed, idOf, linksOf, parentOf, TestTelemetry } from '../../support/telemetry.js';
import { withConnection } from '../peer.js';
import type { Story } from '../story.js';

export const telemetry: readonly Story[] = [
  {
    title: 'the context of a trace travels, in application properties and in annotations',
    run: async (peer) => {
      for (const propagate of ['application-properties', 'message-annotations'] as const) {
        const recorded = new TestTelemetry().register();
        try {
          await withConnection(
            peer,
            async (connection) => {
              const { name } = await peer.queue(connection);
              connection.createReceiveClient(name).subscribe(() => undefined);
              await connection.createSendClient(name).send('x');
              const [handled] = await recorded.named(`process ${name}`);
              const [sent] = await recorded.named(`send ${name}`);
              expect([parentOf(handled), linksOf(handled)]).toEqual([idOf(sent), [idOf(sent)]]);
              expect([sent, handled].map(hasFailed)).toEqual([false, false]);
            },
            { observer: new AmqpInstrumentation({ propagate }) },
          );
        } finally {
          await recorded.stop();
        }
      }
      return 'yes';
    },
  },
];
