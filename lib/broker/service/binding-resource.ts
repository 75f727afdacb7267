// `/bindings` of `/management`.

import { createHash } from 'node:crypto';
import {
  type Binding,
  type BindingDestination,
  bindingArgumentsKey,
  type Exchange,
  isSameDestination,
} from '../exchange/exchange.js';
import type { Nodes } from '../nodes/nodes.js';
import {
  argumentsOf,
  bodyFields,
  HttpProblem,
  type HttpRequest,
  type HttpResponse,
  methodNotAllowed,
  NO_CONTENT,
  text,
} from './http-message.js';

/** What names a binding in a path: `src=...;dstq=...;key=...;args=...`. */
interface BindingName {
  readonly source: string;
  readonly destination: BindingDestination;
  readonly routingKey: string;
  /** Empty for a binding without arguments. */
  readonly argumentsHash: string;
}

export class BindingResource {
  constructor(private readonly nodes: Nodes) {}

  /** @param name the path's second segment as it came */
  respond(request: HttpRequest, name: string | undefined): HttpResponse {
    if (request.method === 'POST' && name === undefined) return this.#bind(request);
    if (request.method === 'GET' && name === undefined) return this.#list(request);
    if (request.method === 'DELETE' && name !== undefined) return this.#unbind(name);
    throw methodNotAllowed(request);
  }

  #bind({ body }: HttpRequest): HttpResponse {
    const names = ['source', 'binding_key', 'destination_queue', 'destination_exchange', 'arguments'];
    const fields = bodyFields(body, names);
    const toQueue = fields['destination_queue'] !== undefined;
    const destination: BindingDestination = toQueue
      ? { kind: 'queue', name: text(fields, 'destination_queue') }
      : { kind: 'exchange', name: text(fields, 'destination_exchange') };
    const exchange = this.#exchange(text(fields, 'source'));
    this.#checkDestination(destination);
    exchange.bind({ destination, routingKey: text(fields, 'binding_key', ''), arguments: argumentsOf(fields) });
    return NO_CONTENT;
  }

  #list({ query }: HttpRequest): HttpResponse {
    const source = query.get('src');
    const routingKey = query.get('key');
    const destination = destinationIn(query);
    if (source === undefined || routingKey === undefined || destination === undefined) {
      throw new HttpProblem(400, "the query needs 'src', 'key' and one of 'dstq' and 'dste'");
    }
    const bindings = (this.nodes.exchange(source)?.bindings ?? []).filter(
      (binding) => binding.routingKey === routingKey && isSameDestination(binding.destination, destination),
    );
    return { status: 200, body: bindings.map((binding) => describe(source, binding)) };
  }

  /** A binding that is not there is no error. */
  #unbind(segment: string): HttpResponse {
    const name = readBindingName(segment);
    const exchange = this.#exchange(name.source);
    const binding = exchange.bindings.find(
      (candidate) =>
        candidate.routingKey === name.routingKey &&
        isSameDestination(candidate.destination, name.destination) &&
        hashOf(candidate) === name.argumentsHash,
    );
    if (binding !== undefined) this.nodes.unbind(exchange, binding);
    return NO_CONTENT;
  }

  #exchange(name: string): Exchange {
    if (name === '') throw new HttpProblem(403, 'the default exchange cannot be changed');
    const exchange = this.nodes.exchange(name);
    if (exchange === undefined) throw new HttpProblem(404, `there is no exchange '${name}'`);
    return exchange;
  }

  #checkDestination({ kind, name }: BindingDestination): void {
    const found = kind === 'queue' ? this.nodes.queue(name) : this.nodes.exchange(name);
    if (found === undefined) throw new HttpProblem(404, `there is no ${kind} '${name}'`);
  }
}

function describe(source: string, binding: Binding): Record<string, unknown> {
  const { destination, routingKey } = binding;
  const field = destination.kind === 'queue' ? 'dstq' : 'dste';
  const part = encodeURIComponent;
  return {
    source,
    [`destination_${destination.kind}`]: destination.name,
    binding_key: routingKey,
    arguments: { ...binding.arguments },
    location: `/bindings/src=${part(source)};${field}=${part(destination.name)};key=${part(routingKey)};args=${hashOf(binding)}`,
  };
}

function readBindingName(segment: string): BindingName {
  const fields = new Map(
    segment.split(';').map((field) => {
      const at = field.indexOf('=');
      return [field.slice(0, at), decoded(field.slice(at + 1))];
    }),
  );
  const source = fields.get('src');
  const routingKey = fields.get('key');
  const destination = destinationIn(fields);
  if (source === undefined || routingKey === undefined || destination === undefined) {
    throw new HttpProblem(400, "a binding's path needs 'src', 'key' and one of 'dstq' and 'dste'");
  }
  return { source, destination, routingKey, argumentsHash: fields.get('args') ?? '' };
}

function destinationIn(fields: ReadonlyMap<string, string>): BindingDestination | undefined {
  const queue = fields.get('dstq');
  if (queue !== undefined) return { kind: 'queue', name: queue };
  const exchange = fields.get('dste');
  return exchange === undefined ? undefined : { kind: 'exchange', name: exchange };
}

function hashOf(binding: Binding): string {
  const key = bindingArgumentsKey(binding.arguments);
  return key === '' ? '' : createHash('sha256').update(key).digest('hex').slice(0, 16);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new HttpProblem(400, "a binding's path is not percent-encoded as it should be");
  }
}
