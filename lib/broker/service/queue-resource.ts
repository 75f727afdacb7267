// `/queues/:queue` and `/queues/:queue/messages` of `/management`.

import { amqp } from '../../protocol/acceptor/index.js';
import type { Nodes } from '../nodes/nodes.js';
import { plainText } from '../nodes/difference.js';
import { readQueueArguments, writeQueueArguments } from '../nodes/queue-arguments.js';
import type { Queue } from '../queue/queue.js';
import {
  argumentsOf,
  bodyFields,
  flag,
  HttpProblem,
  type HttpRequest,
  type HttpResponse,
  methodNotAllowed,
} from './http-message.js';

const MAX_NAME_BYTES = 255;

export class QueueResource {
  constructor(private readonly nodes: Nodes) {}

  respond(request: HttpRequest, name: string): HttpResponse {
    switch (request.method) {
      case 'GET':
        return { status: 200, body: describe(this.#existing(request, name)) };
      case 'PUT':
        return this.#declare(request, name);
      case 'DELETE':
        // A queue that is not there is deleted already.
        if (this.nodes.queue(name) === undefined) return { status: 200, body: messageCount(0) };
        return { status: 200, body: messageCount(this.nodes.deleteQueue(this.#existing(request, name))) };
      default:
        throw methodNotAllowed(request);
    }
  }

  respondMessages(request: HttpRequest, name: string): HttpResponse {
    if (request.method !== 'DELETE') throw methodNotAllowed(request);
    return { status: 200, body: messageCount(this.#existing(request, name).purge()) };
  }

  #declare({ body, connection }: HttpRequest, name: string): HttpResponse {
    if (name === '') throw new HttpProblem(400, 'a queue needs a name');
    if (Buffer.byteLength(name) > MAX_NAME_BYTES || /[\r\n]/u.test(name)) {
      throw new HttpProblem(400, `a queue's name has at most ${MAX_NAME_BYTES} bytes and no line breaks`);
    }
    if (name.startsWith('amq.')) throw new HttpProblem(403, `names that start with 'amq.' are reserved`);
    const fields = bodyFields(body, ['durable', 'exclusive', 'auto_delete', 'arguments']);
    const flags = {
      durable: flag(fields, 'durable', true),
      exclusive: flag(fields, 'exclusive', false),
      autoDelete: flag(fields, 'auto_delete', false),
    };
    const declared = this.nodes.declareQueue(name, readQueueArguments(flags, argumentsOf(fields)), connection);
    switch (declared.kind) {
      case 'created':
        return { status: 201, body: describe(declared.node) };
      case 'exists':
        return { status: 200, body: describe(declared.node) };
      case 'conflict': {
        const { field, declared: wanted, existing } = declared.difference;
        throw new HttpProblem(
          409,
          `inequivalent arg '${field}' for queue '${name}': received ${say(wanted)} but current is ${say(existing)}`,
        );
      }
      case 'locked':
        throw locked(name);
    }
  }

  #existing({ connection }: HttpRequest, name: string): Queue {
    const queue = this.nodes.queue(name);
    if (queue === undefined) throw new HttpProblem(404, `there is no queue '${name}'`);
    if (queue.owner !== undefined && queue.owner !== connection) throw locked(name);
    return queue;
  }
}

function describe(queue: Queue): Record<string, unknown> {
  const { ready, consumers } = queue.stats();
  const { durable, exclusive, autoDelete, type } = queue.settings;
  return {
    name: queue.name,
    vhost: '/',
    durable,
    exclusive,
    auto_delete: autoDelete,
    type: type ?? 'classic',
    arguments: writeQueueArguments(queue.settings),
    message_count: amqp.ulong(ready),
    consumer_count: amqp.uint(consumers),
  };
}

function messageCount(count: number): Record<string, unknown> {
  return { message_count: amqp.ulong(count) };
}

function locked(name: string): HttpProblem {
  return new HttpProblem(400, `queue '${name}' is exclusive to another connection`);
}

function say(value: unknown): string {
  return value === undefined ? 'none' : `'${plainText(value)}'`;
}
