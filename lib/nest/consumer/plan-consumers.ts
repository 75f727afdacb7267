import { InvalidOptionsError, policy, type Source, type SubscribeOptions, type Topology } from '../../client/index.js';
import { checkBoolean, checkMs, checkText, resolveSubscribeOptions } from '../../client/options/index.js';
import type { AmqpAddressFactory } from '../amqp-subscribe.decorator.js';
import type { ConsumerOverrides } from '../options/amqp-module-options.js';
import { mergeOptions } from '../options/merge-options.js';
import type { ResolvedModuleOptions } from '../options/resolve-module-options.js';
import type { DiscoveredHandler } from './discover-handlers.js';
import { Dispatch } from './dispatch.js';
import { type ConsumerDeclaration, type NamedDeclaration, areOneConsumer, shareConsumers } from './share-consumers.js';

/** One consumer as the decorator, the connection's defaults and the overrides together say. */
export interface PlannedConsumer {
  readonly name: string;
  readonly connection: string;
  readonly handler: DiscoveredHandler;
  /** Where handlers with `when` share it: which of them a message is for; `handler` is the first of them. */
  readonly dispatch: Dispatch | undefined;
  readonly source: Source | readonly Source[] | AmqpAddressFactory;
  readonly subscribe: SubscribeOptions;
  readonly topology: Topology | undefined;
  readonly shutdownTimeoutMs: number;
  readonly isEnabled: boolean;
}

/** As the transport's. */
const UNMATCHED = policy.reject('amqp:not-found');

type PlannedConnection = Pick<
  ResolvedModuleOptions,
  'name' | 'registerHandlers' | 'subscribeDefaults' | 'shutdownTimeoutMs' | 'consumers'
>;

/**
 * What shall consume, by consumer name. Consumers of a connection with `registerHandlers: false` are left out.
 * @throws InvalidOptionsError for a name given twice, an unknown connection, and an override that no consumer has
 */
export function planConsumers(
  handlers: readonly DiscoveredHandler[],
  connections: readonly PlannedConnection[],
): PlannedConsumer[] {
  const plans = shareConsumers(nameConsumers(handlers)).flatMap((declared) => {
    const { name, declaration } = declared;
    const { connection: connectionName = 'default' } = declaration.options;
    const connection = connections.find((candidate) => candidate.name === connectionName);
    if (connection === undefined) {
      const expected = `a name given to AmqpModule.forRoot (${listOf(connections.map((one) => one.name))})`;
      throw new InvalidOptionsError(`${name}.connection`, expected, connectionName);
    }
    return connection.registerHandlers ? [planOf(declared, connection)] : [];
  });
  for (const connection of connections) if (connection.registerHandlers) checkOverrides(connection, plans);
  return plans;
}

/** `Class.method`; the second one of that name is `Class.method#2`, be it a second decorator or the class in a second module. */
function nameConsumers(handlers: readonly DiscoveredHandler[]): ReadonlyMap<string, NamedDeclaration> {
  const named = new Map<string, NamedDeclaration>();
  for (const handler of handlers) {
    const method = `${handler.className}.${handler.methodName}`;
    for (const declaration of handler.declarations) {
      const given = checkText(declaration.options.name, `${method}: name`);
      const taken = given === undefined ? undefined : named.get(given);
      const isOwn = taken === undefined || taken.declaration === declaration;
      if (!isOwn && !areOneConsumer(taken.declaration, declaration)) {
        const other = `${taken.handler.className}.${taken.handler.methodName}`;
        throw new InvalidOptionsError(`${method}: name`, `a consumer's own (${other} has this one)`, given);
      }
      named.set(freeName(given ?? method, named), { handler, declaration });
    }
  }
  return named;
}

function freeName(name: string, named: ReadonlyMap<string, NamedDeclaration>): string {
  if (!named.has(name)) return name;
  let count = 2;
  while (named.has(`${name}#${count}`)) count += 1;
  return `${name}#${count}`;
}

function planOf(
  { name, handler, declaration, sharing }: ConsumerDeclaration,
  connection: PlannedConnection,
): PlannedConsumer {
  const { source, enabled, ...overrides } = connection.consumers.get(name) ?? {};
  const { name: _name, connection: _connection, unmatched = UNMATCHED, ...declared } = declaration.options;
  const { topology, shutdownTimeoutMs, ...own } = mergeOptions<ConsumerOverrides>(declared, overrides);
  const subscribe = mergeOptions<SubscribeOptions>(connection.subscribeDefaults, own);
  if (sharing !== undefined && subscribe.batch !== undefined)
    throw new InvalidOptionsError(`${name}.batch`, 'left out with `when`, which each message has its own', 'a batch');
  // An override is for all of them; byError without a case is the default policy.
  const { errorPolicy: fallback = policy.byError([]) } = connection.subscribeDefaults;
  const cases = sharing?.map((one) => ({
    ...one,
    errorPolicy: overrides.errorPolicy ?? one.errorPolicy ?? fallback,
  }));
  const dispatch = cases && new Dispatch(cases, unmatched);
  // Each was checked where it was written; together they may still not work.
  resolveSubscribeOptions(subscribe, undefined, name);
  return {
    name,
    connection: connection.name,
    handler,
    dispatch,
    source: source ?? declaration.source,
    subscribe: dispatch === undefined ? subscribe : { ...subscribe, errorPolicy: dispatch.policy() },
    topology,
    shutdownTimeoutMs: checkMs(shutdownTimeoutMs, `${name}.shutdownTimeoutMs`, {
      default: connection.shutdownTimeoutMs,
    }),
    isEnabled: checkBoolean(enabled, `${name}.enabled`, true),
  };
}

function checkOverrides(connection: PlannedConnection, plans: readonly PlannedConsumer[]): void {
  const names = plans.filter((plan) => plan.connection === connection.name).map((plan) => plan.name);
  for (const name of connection.consumers.keys()) {
    if (names.includes(name)) continue;
    const elsewhere = plans.find((plan) => plan.name === name)?.connection;
    const hint = elsewhere === undefined ? '' : `; that one is on the connection '${elsewhere}'`;
    throw new InvalidOptionsError(
      'consumers',
      `by names of consumers of this connection (${listOf(names)})${hint}`,
      name,
    );
  }
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? 'there is none' : names.join(', ');
}
