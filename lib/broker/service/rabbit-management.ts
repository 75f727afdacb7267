// `/management`: queues, exchanges and bindings over requests that look like HTTP, as RabbitMQ 4 has them.

import type { AmqpMessage } from '../../protocol/acceptor/index.js';
import type { BrokerConnection } from '../link/broker-connection.js';
import { DeclarationError } from '../nodes/declaration-error.js';
import type { Nodes } from '../nodes/nodes.js';
import { BindingResource } from './binding-resource.js';
import { ExchangeResource } from './exchange-resource.js';
import { HttpProblem, type HttpRequest, type HttpResponse } from './http-message.js';
import { QueueResource } from './queue-resource.js';
import type { Service, ServiceAnswer } from './service.js';

export class RabbitManagement implements Service {
  readonly name = '/management';
  readonly #queues: QueueResource;
  readonly #exchanges: ExchangeResource;
  readonly #bindings: BindingResource;

  constructor(nodes: Nodes) {
    this.#queues = new QueueResource(nodes);
    this.#exchanges = new ExchangeResource(nodes);
    this.#bindings = new BindingResource(nodes);
  }

  answer(message: AmqpMessage, connection: BrokerConnection): ServiceAnswer {
    const { status, body } = this.#respond(message, connection);
    return { subject: String(status), applicationProperties: { 'http:response': '1.1' }, body };
  }

  #respond(message: AmqpMessage, connection: BrokerConnection): HttpResponse {
    try {
      return this.#dispatch(readRequest(message, connection));
    } catch (error) {
      if (error instanceof HttpProblem) return { status: error.status, body: error.message };
      if (error instanceof DeclarationError) return { status: 400, body: error.message };
      throw error;
    }
  }

  #dispatch(request: HttpRequest): HttpResponse {
    const [resource, name, rest, ...more] = request.path;
    if (more.length === 0) {
      if (resource === 'queues' && name !== undefined) {
        if (rest === undefined) return this.#queues.respond(request, name);
        if (rest === 'messages') return this.#queues.respondMessages(request, name);
      }
      if (rest === undefined && resource === 'exchanges' && name !== undefined) {
        return this.#exchanges.respond(request, name);
      }
      if (rest === undefined && resource === 'bindings') return this.#bindings.respond(request, name);
    }
    throw new HttpProblem(404, `there is nothing at ${request.target}`);
  }
}

function readRequest({ properties, body }: AmqpMessage, connection: BrokerConnection): HttpRequest {
  const { to: target, subject: method } = properties ?? {};
  if (target === undefined || method === undefined) {
    throw new HttpProblem(400, 'a request needs a method (subject) and a path (to)');
  }
  const [path = '', query = ''] = target.split('?', 2);
  if (!path.startsWith('/')) throw new HttpProblem(400, 'a path starts with /');
  const isBindingPath = path.startsWith('/bindings/');
  const segments = path.slice(1).split('/');
  return {
    method,
    target,
    // The segment of a binding is read field by field: its values may hold what divides the fields.
    path: isBindingPath ? segments : segments.map(decoded),
    query: new Map(query.split('&').filter(Boolean).map(pair)),
    body,
    connection,
  };
}

function pair(text: string): [string, string] {
  const [name = '', ...value] = text.split('=');
  return [decoded(name), decoded(value.join('='))];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HttpProblem(400, 'a path or query is not percent-encoded as it should be');
  }
}
