import type { BindingDeclaration, ExchangeDeclaration } from '../client/index.js';
import { InvalidOptionsError } from '../protocol/acceptor/index.js';
import { booleanOption, checkNames, listOption, objectOption, textOption } from './check-options.js';

const TYPES = ['direct', 'topic', 'fanout', 'headers'] as const;

/** @throws {InvalidOptionsError} */
export function resolveExchanges(value: unknown): readonly ExchangeDeclaration[] {
  return listOption(value, 'exchanges').map((item, index) => {
    const path = `exchanges[${index}]`;
    const given = objectOption(item, path);
    checkNames(given, ['name', 'type', 'durable', 'autoDelete', 'internal', 'arguments'], `${path}.`);
    const name = required(given['name'], `${path}.name`);
    const type = TYPES.find((candidate) => candidate === given['type']);
    if (type === undefined) throw new InvalidOptionsError(`${path}.type`, `one of ${TYPES.join(', ')}`, given['type']);
    return {
      name,
      type,
      durable: booleanOption(given['durable'], `${path}.durable`, true),
      autoDelete: booleanOption(given['autoDelete'], `${path}.autoDelete`, false),
      internal: booleanOption(given['internal'], `${path}.internal`, false),
      arguments: objectOption(given['arguments'] ?? {}, `${path}.arguments`),
    };
  });
}

/** That their ends exist is checked when the broker starts. @throws {InvalidOptionsError} */
export function resolveBindings(value: unknown): readonly BindingDeclaration[] {
  return listOption(value, 'bindings').map((item, index) => {
    const path = `bindings[${index}]`;
    const given = objectOption(item, path);
    checkNames(given, ['exchange', 'queue', 'destinationExchange', 'routingKey', 'arguments'], `${path}.`);
    const exchange = required(given['exchange'], `${path}.exchange`);
    const queue = textOption(given['queue'], `${path}.queue`);
    const destinationExchange = textOption(given['destinationExchange'], `${path}.destinationExchange`);
    if ((queue === undefined) === (destinationExchange === undefined)) {
      throw new InvalidOptionsError(`${path}.queue`, 'given, or destinationExchange, and not both', queue);
    }
    const { routingKey } = given;
    if (routingKey !== undefined && typeof routingKey !== 'string') {
      throw new InvalidOptionsError(`${path}.routingKey`, 'a string', routingKey);
    }
    return {
      exchange,
      queue,
      destinationExchange,
      routingKey,
      arguments: objectOption(given['arguments'] ?? {}, `${path}.arguments`),
    };
  });
}

function required(value: unknown, path: string): string {
  const text = textOption(value, path);
  if (text === undefined) throw new InvalidOptionsError(path, 'a string that is not empty', value);
  return text;
}
