import 'reflect-metadata';

import type { ModuleRef } from '@nestjs/core';

import {
  type HandlerPolicy,
  InvalidOptionsError,
  type Source,
  type SubscribeOptions,
  type Topology,
} from '../client/index.js';
import {
  checkFunction,
  checkMs,
  checkRecord,
  checkSource,
  checkText,
  resolveSubscribeOptions,
} from '../client/options/index.js';
import { type AmqpMatch, checkMatch } from './consumer/message-match.js';
import { ENTRY_PROVIDER_WATERMARK } from './nest-internals.js';

// Symbol.for: the module of one copy (ESM or CommonJS) sees handlers decorated with the other.
const SUBSCRIPTIONS = Symbol.for('nestjs-amqp10:subscriptions');

/** Gives the source when the application starts, for example from a configuration provider. */
export type AmqpAddressFactory = (moduleRef: ModuleRef) => Source | Source[] | Promise<Source | Source[]>;

/** Options of `@AmqpSubscribe`; each can be overridden by the consumer's name in `AmqpModule.forRoot({ consumers })`. */
export interface AmqpSubscribeOptions extends SubscribeOptions {
  /** Name of the connection, as given to `AmqpModule.forRoot`. @default 'default' */
  readonly connection?: string | undefined;
  /** Name of the consumer in `AmqpConsumers`, logs and overrides. @default `Class.method`, `Class.method#2` for a second one */
  readonly name?: string | undefined;
  /** Declared on this connection before the consumer attaches. */
  readonly topology?: Topology | undefined;
  /** Milliseconds that shutdown waits for this consumer's running handlers. @default that of `AmqpModule.forRoot` */
  readonly shutdownTimeoutMs?: number | undefined;
  /**
   * The messages of the source that this method is for. All methods with `when` on one source and connection are one consumer, which asks
   * them in the order of writing and calls the first that fits; they share every option but `errorPolicy`. @default all of them
   */
  readonly when?: AmqpMatch | undefined;
  /** With `when`: what becomes of messages that no method is for. @default policy.reject('amqp:not-found') */
  readonly unmatched?: HandlerPolicy | undefined;
}

/** What one `@AmqpSubscribe` says. */
export interface SubscribeDeclaration {
  readonly source: Source | readonly Source[] | AmqpAddressFactory;
  readonly options: AmqpSubscribeOptions;
}

/**
 * Consumes messages with this method of a provider or controller. May stand several times on one method; a list of sources makes
 * one consumer with a link, prefetch and concurrency for each. The method's return accepts the message, a throw goes to the error
 * policy.
 * @throws InvalidOptionsError for a source and options that cannot work
 */
export function AmqpSubscribe(
  source: Source | Source[] | AmqpAddressFactory,
  options: AmqpSubscribeOptions = {},
): MethodDecorator {
  return (target, key, descriptor) => {
    const method: unknown = descriptor.value;
    const where = `@AmqpSubscribe on ${target.constructor.name}.${String(key)}`;
    if (typeof method !== 'function') throw new InvalidOptionsError(where, 'on a method', method);
    if (typeof source !== 'function') checkSources(source, `${where}: source`);
    checkOptions(options, where);
    // Decorators run from the last written to the first.
    const declarations = [{ source, options }, ...(ownDeclarations(method) ?? [])];
    Reflect.defineMetadata(SUBSCRIPTIONS, declarations, method);
    // Without it Nest does not load request-scoped and transient APP_* enhancers for providers.
    Reflect.defineMetadata(ENTRY_PROVIDER_WATERMARK, true, target.constructor);
  };
}

/** Everything that stands on the method, the first written first; `undefined`: it is not decorated. */
export function declarationsOf(method: object): readonly SubscribeDeclaration[] | undefined {
  // true: only AmqpSubscribe, of whichever copy, writes this key
  return Reflect.getMetadata(SUBSCRIPTIONS, method) as readonly SubscribeDeclaration[] | undefined;
}

function checkOptions(options: unknown, where: string): void {
  const given = checkRecord(options, `${where}: options`) ?? {};
  const { connection, name, topology: _topology, shutdownTimeoutMs, when, unmatched, ...subscribe } = given;
  checkText(connection, `${where}: connection`);
  checkText(name, `${where}: name`);
  checkMs(shutdownTimeoutMs, `${where}: shutdownTimeoutMs`, { default: undefined });
  checkMatch(when, `${where}: when`);
  checkFunction(unmatched, `${where}: unmatched`);
  if (unmatched !== undefined && when === undefined)
    throw new InvalidOptionsError(`${where}: unmatched`, 'left out without `when`', unmatched);
  resolveSubscribeOptions(subscribe, undefined, `${where}: options`);
}

/** @throws InvalidOptionsError for what cannot be a source, or an empty list of them */
export function checkSources(source: unknown, path: string): void {
  if (!Array.isArray(source)) {
    checkSource(source, path);
    return;
  }
  if (source.length === 0) throw new InvalidOptionsError(path, 'a source, or a list with at least one', source);
  source.forEach((entry: unknown, index) => checkSource(entry, `${path}[${index}]`));
}

function ownDeclarations(method: object): readonly SubscribeDeclaration[] | undefined {
  // true: as in declarationsOf
  return Reflect.getOwnMetadata(SUBSCRIPTIONS, method) as readonly SubscribeDeclaration[] | undefined;
}
