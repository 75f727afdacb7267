import type { DiscoveryService, MetadataScanner } from '@nestjs/core';

import { InvalidOptionsError } from '../../client/index.js';
import { declarationsOf, type SubscribeDeclaration } from '../amqp-subscribe.decorator.js';
import type { InstanceWrapper } from '../nest-internals.js';

/** A method with `@AmqpSubscribe` on a provider or controller of the application. */
export interface DiscoveredHandler {
  readonly wrapper: InstanceWrapper<object>;
  readonly className: string;
  readonly methodName: string;
  readonly declarations: readonly SubscribeDeclaration[];
}

/**
 * Finds every decorated method. A class that stands in two modules gives two handlers; one instance under several tokens gives one.
 * @throws InvalidOptionsError for a transient provider: there is no instance that could be called
 */
export function discoverHandlers(discovery: DiscoveryService, scanner: MetadataScanner): DiscoveredHandler[] {
  const found: DiscoveredHandler[] = [];
  const seen = new Set<unknown>();
  for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
    const prototype = prototypeOf(wrapper);
    if (prototype === undefined || wrapper.isAlias || (wrapper.instance && seen.has(wrapper.instance))) continue;
    for (const methodName of scanner.getAllMethodNames(prototype)) {
      // true: getAllMethodNames names functions only
      const declarations = declarationsOf(Reflect.get(prototype, methodName) as object);
      if (declarations === undefined) continue;
      const className = prototype.constructor.name;
      if (wrapper.isTransient) {
        const expected = 'on a provider of default or request scope: a transient one has no instance to call';
        throw new InvalidOptionsError(`@AmqpSubscribe on ${className}.${methodName}`, expected, 'Scope.TRANSIENT');
      }
      found.push({ wrapper, className, methodName, declarations });
      seen.add(wrapper.instance);
    }
  }
  return found;
}

/** The class's prototype, also for useFactory and useValue, where only the instance knows it. */
function prototypeOf({ instance, metatype, isNotMetatype }: InstanceWrapper): object | undefined {
  const isClass = !isNotMetatype && typeof metatype === 'function';
  const isObject = typeof instance === 'object' && instance !== null;
  const prototype: unknown = isClass ? metatype.prototype : isObject ? Object.getPrototypeOf(instance) : undefined;
  return typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype ? prototype : undefined;
}
