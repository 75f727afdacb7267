// `/exchanges/:exchange` of `/management`.

import type { ExchangeType } from '../exchange/exchange.js';
import { DeclarationError } from '../nodes/declaration-error.js';
import { plainText } from '../nodes/difference.js';
import { readExchangeArguments } from '../nodes/exchange-arguments.js';
import type { Nodes } from '../nodes/nodes.js';
import {
  argumentsOf,
  bodyFields,
  flag,
  HttpProblem,
  type HttpRequest,
  type HttpResponse,
  methodNotAllowed,
  NO_CONTENT,
  text,
} from './http-message.js';

const TYPES: readonly ExchangeType[] = ['direct', 'topic', 'fanout', 'headers'];

export class ExchangeResource {
  constructor(private readonly nodes: Nodes) {}

  respond(request: HttpRequest, name: string): HttpResponse {
    if (name === '') throw new HttpProblem(403, 'the default exchange cannot be changed');
    switch (request.method) {
      case 'PUT':
        return this.#declare(request, name);
      case 'DELETE': {
        if (name.startsWith('amq.')) throw reserved();
        const exchange = this.nodes.exchange(name);
        // One that is not there is deleted already.
        if (exchange !== undefined) this.nodes.deleteExchange(exchange);
        return NO_CONTENT;
      }
      default:
        throw methodNotAllowed(request);
    }
  }

  #declare({ body }: HttpRequest, name: string): HttpResponse {
    const fields = bodyFields(body, ['type', 'durable', 'auto_delete', 'internal', 'arguments']);
    const wanted = text(fields, 'type', 'direct');
    const type = TYPES.find((candidate) => candidate === wanted);
    if (type === undefined) throw new DeclarationError('type', `one of ${TYPES.join(', ')}`, wanted);
    if (name.startsWith('amq.') && this.nodes.exchange(name) === undefined) throw reserved();
    const flags = {
      type,
      durable: flag(fields, 'durable', true),
      autoDelete: flag(fields, 'auto_delete', false),
      internal: flag(fields, 'internal', false),
    };
    const declared = this.nodes.declareExchange(name, readExchangeArguments(flags, argumentsOf(fields)));
    if (declared.kind !== 'conflict') return NO_CONTENT;
    const { field, declared: received, existing } = declared.difference;
    throw new HttpProblem(
      409,
      `inequivalent arg '${field}' for exchange '${name}': received '${plainText(received)}' but current is '${plainText(existing)}'`,
    );
  }
}

function reserved(): HttpProblem {
  return new HttpProblem(403, `names that start with 'amq.' are reserved`);
}
