// `$management`: READ and QUERY of queues, as AMQP Management (working draft 9) has them.

import type { AmqpMessage } from '../../protocol/acceptor/index.js';
import type { Nodes } from '../nodes/nodes.js';
import type { Queue } from '../queue/queue.js';
import type { Service, ServiceAnswer } from './service.js';

const ATTRIBUTES = ['name', 'messages', 'consumers'];

export class QueueManagement implements Service {
  readonly name = '$management';

  constructor(private readonly nodes: Nodes) {}

  answer(request: AmqpMessage): ServiceAnswer {
    const { operation, type, entityType = type, name } = request.applicationProperties ?? {};
    if (operation === 'READ' && type === 'queue') return this.#read(name);
    if (operation === 'QUERY' && entityType === 'queue') {
      const results = this.nodes.queues().map((queue) => Object.values(describe(queue)));
      return status(200, 'OK', { attributeNames: ATTRIBUTES, results });
    }
    return status(501, `${String(operation)} of ${String(type)} is not implemented`, undefined);
  }

  #read(name: unknown): ServiceAnswer {
    if (typeof name !== 'string') return status(400, 'the application property "name" is not there', undefined);
    const queue = this.nodes.queue(name);
    return queue === undefined
      ? status(404, `there is no queue "${name}"`, undefined)
      : status(200, 'OK', describe(queue));
  }
}

/** In the order of `ATTRIBUTES`. */
function describe(queue: Queue): { name: string; messages: number; consumers: number } {
  const { ready, consumers } = queue.stats();
  return { name: queue.name, messages: ready, consumers };
}

function status(statusCode: number, statusDescription: string, body: unknown): ServiceAnswer {
  return { applicationProperties: { statusCode, statusDescription }, body };
}
