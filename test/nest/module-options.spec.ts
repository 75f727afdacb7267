import 'reflect-metadata';

import { describe, expect, it } from '@jest/globals';

import { AmqpModule, type AmqpModuleOptions, AmqpSubscribe, InvalidOptionsError } from '../../lib/index.js';
import type { DiscoveredHandler } from '../../lib/nest/consumer/discover-handlers.js';
import { type PlannedConsumer, planConsumers } from '../../lib/nest/consumer/plan-consumers.js';
import { declarationsOf } from '../../lib/nest/amqp-subscribe.decorator.js';
import { resolveModuleOptions } from '../../lib/nest/options/resolve-module-options.js';

function refusal(run: () => unknown): InvalidOptionsError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError);
    return error as InvalidOptionsError;
  }
  throw new Error('was not refused');
}

const uri = 'amqp://host';

describe('AmqpModule.forRoot refuses', () => {
  it.each([
    ['nothing', undefined, 'uri'],
    ['null', null, 'uri'],
    ['an empty string', '', 'uri'],
    ['a number', 5, 'options'],
    ['an undefined uri', { uri: undefined }, 'uri'],
    ['an empty uri', { uri: '' }, 'uri'],
    ['an unknown option', { uri, waitForConection: true }, 'waitForConection'],
    ['a uri that is none', { uri: 'ftp://host' }, 'uri'],
    ["one of the connection's options", { uri, connectTimeoutMs: -1 }, 'connectTimeoutMs'],
    ['credentials without TLS', { uri: 'amqp://user:secret@example.org' }, 'uri'],
    ['an empty name', { uri, name: '' }, 'name'],
    ['a name that is none', { uri, name: 5 }, 'name'],
    ['isGlobal', { uri, isGlobal: 'yes' }, 'isGlobal'],
    ['waitForConnection', { uri, waitForConnection: 1 }, 'waitForConnection'],
    ['lazy', { uri, lazy: 'no' }, 'lazy'],
    ['registerHandlers', { uri, registerHandlers: null }, 'registerHandlers'],
    ['inheritAppConfig', { uri, inheritAppConfig: 0 }, 'inheritAppConfig'],
    ['a negative shutdownTimeoutMs', { uri, shutdownTimeoutMs: -1 }, 'shutdownTimeoutMs'],
    ['a shutdownTimeoutMs that is not whole', { uri, shutdownTimeoutMs: 0.5 }, 'shutdownTimeoutMs'],
    ['a shutdownTimeoutMs as text', { uri, shutdownTimeoutMs: '20s' }, 'shutdownTimeoutMs'],
    ['defaults that are none', { uri, defaults: 5 }, 'defaults'],
    ['unknown defaults', { uri, defaults: { receive: {} } }, 'defaults.receive'],
    ['defaults.send that are none', { uri, defaults: { send: 5 } }, 'defaults.send'],
    ['defaults.subscribe that are none', { uri, defaults: { subscribe: [] } }, 'defaults.subscribe'],
    [
      'defaults.send out of range',
      { uri, defaults: { send: { maxPendingMessages: 0 } } },
      'defaults.send.maxPendingMessages',
    ],
    [
      'unknown defaults.subscribe',
      { uri, defaults: { subscribe: { concurency: 1 } } },
      'defaults.subscribe.concurency',
    ],
    ['a name for every consumer', { uri, defaults: { subscribe: { name: 'b' } } }, 'defaults.subscribe.name'],
    ['an override out of range', { uri, consumers: { a: { concurrency: 0 } } }, 'consumers.a.concurrency'],
    ['an override of a name', { uri, consumers: { a: { name: 'b' } } }, 'consumers.a.name'],
    ['consumers that are none', { uri, consumers: [] }, 'consumers'],
    ['a consumer that is none', { uri, consumers: { 'A.b': 5 } }, 'consumers.A.b'],
    ['enabled', { uri, consumers: { 'A.b': { enabled: 'no' } } }, 'consumers.A.b.enabled'],
    ['an empty source', { uri, consumers: { 'A.b': { source: '' } } }, 'consumers.A.b.source'],
    ['no source', { uri, consumers: { 'A.b': { source: [] } } }, 'consumers.A.b.source'],
    [
      "a consumer's shutdownTimeoutMs",
      { uri, consumers: { 'A.b': { shutdownTimeoutMs: -5 } } },
      'consumers.A.b.shutdownTimeoutMs',
    ],
    ['a broker beside a real one', { uri, broker: {} }, 'broker'],
    ['a broker that is none', { uri: 'embedded:', broker: 5 }, 'broker'],
    ['a proxy to a private broker', { uri: 'embedded:', proxy: 'http://proxy:3128' }, 'proxy'],
    ['a private broker in a failover list', { uri: ['embedded:', uri] }, 'uri'],
  ])('%s', (_what, options, option) => {
    const error = refusal(() => AmqpModule.forRoot(options as AmqpModuleOptions));
    expect(error.option).toBe(option);
    expect(error.message).toContain(option);
  });

  it('a private broker in production, unless that is allowed by name', () => {
    const error = refusal(() => resolveModuleOptions('embedded:', 'production'));
    expect(error.message).toContain('allowInProduction: true');
    const allowed = resolveModuleOptions({ uri: 'embedded:', broker: { allowInProduction: true } }, 'production');
    expect(allowed.privateBroker).toEqual({ allowInProduction: true });
  });

  it('an undefined uri by naming the environment as the likely cause', () => {
    expect(refusal(() => AmqpModule.forRoot({ uri: undefined })).message).toMatch(/environment variable/);
  });

  it('what it refuses without ever showing a password', () => {
    const options = {
      uri: 'amqp://user:secret@host',
      name: 'amqp://user:secret@host',
      lazy: 'amqp://user:secret@host',
    };
    const error = refusal(() => AmqpModule.forRoot(options as unknown as AmqpModuleOptions));
    expect(`${error.message}${error.stack}`).not.toContain('secret');
  });
});

describe('AmqpModule.forRootAsync refuses', () => {
  class Factory {
    createAmqpOptions(): AmqpModuleOptions {
      return { uri };
    }
  }
  it.each([
    ['no source of options', {}],
    ['two of them', { useFactory: () => ({ uri }), useClass: Factory }],
    ['three of them', { useFactory: () => ({ uri }), useClass: Factory, useExisting: Factory }],
  ])('%s', (_what, options) => {
    expect(refusal(() => AmqpModule.forRootAsync(options)).message).toContain('exactly one of useFactory, useClass');
  });
});

describe('AmqpModule.forFeature refuses', () => {
  it.each([
    ['nothing to declare', 5, 'AmqpModule.forFeature'],
    ['an unknown word', { sender: [] }, 'AmqpModule.forFeature.sender'],
    ['a connection that is no name', { connection: '' }, 'connection'],
    ['senders that are no list', { senders: {} }, 'senders'],
    ['a sender without a name', { senders: [{ target: 'a' }] }, 'senders[0].name'],
    ['a sender that is a string', { senders: ['orders'] }, 'senders[0]'],
    ['a name given twice', { senders: [{ name: 'a' }, { name: 'a' }] }, 'senders[1].name'],
    ['a sender out of range', { senders: [{ name: 'a', sendTimeoutMs: 0 }] }, 'senders[0].sendTimeoutMs'],
    ['a target that is none', { senders: [{ name: 'a', target: {} }] }, 'senders[0].target'],
    ['an unknown option of a receiver', { receivers: [{ name: 'a', concurrency: 1 }] }, 'receivers[0].concurrency'],
    ['a receiver without a name', { receivers: [{ name: 'a' }, {}] }, 'receivers[1].name'],
  ])('%s', (_what, options, option) => {
    expect(refusal(() => AmqpModule.forFeature(options as object)).option).toBe(option);
  });
});

describe('the resolved options', () => {
  it('have the documented defaults', () => {
    expect(resolveModuleOptions(uri)).toEqual({
      name: 'default',
      isGlobal: true,
      connection: { uri },
      waitForConnection: true,
      lazy: false,
      registerHandlers: true,
      inheritAppConfig: false,
      shutdownTimeoutMs: 20_000,
      sendDefaults: {},
      subscribeDefaults: {},
      consumers: new Map(),
      privateBroker: undefined,
    });
  });

  it('hand the connection its own options and no others', () => {
    const options = { uri: [uri], connectTimeoutMs: 5, lazy: true };
    expect(resolveModuleOptions(options).connection).toEqual({ uri: [uri], connectTimeoutMs: 5 });
  });

  it('may ask for a trace without a logger: it goes to that of Nest', () => {
    expect(resolveModuleOptions({ uri, trace: true }).connection).toEqual({ uri, trace: true });
    expect(() => resolveModuleOptions({ uri, trace: true, logger: undefined })).not.toThrow();
  });

  it('start no private broker where the user dials', () => {
    const dial = (): Promise<never> => Promise.reject(new Error('not called'));
    expect(resolveModuleOptions({ uri: 'embedded:', dial }, 'production').privateBroker).toBeUndefined();
  });
});

describe('consumers', () => {
  class Orders {
    @AmqpSubscribe('first', { concurrency: 2, prefetch: 50 }) @AmqpSubscribe('second') place(): void {}
    @AmqpSubscribe('named', { name: 'named' }) named(): void {}
    @AmqpSubscribe('other', { connection: 'other', shutdownTimeoutMs: 7 }) other(): void {}
  }
  class Clash {
    @AmqpSubscribe('x', { name: 'named' }) clash(): void {}
  }

  function handlersOf(type: { readonly name: string; readonly prototype: object }): DiscoveredHandler[] {
    return Object.getOwnPropertyNames(type.prototype).flatMap((methodName) => {
      const declarations = declarationsOf(Reflect.get(type.prototype, methodName) as object);
      // Only names and declarations are read while planning.
      return declarations === undefined
        ? []
        : [{ className: type.name, methodName, declarations, wrapper: {} as DiscoveredHandler['wrapper'] }];
    });
  }
  const other = resolveModuleOptions({ uri, name: 'other' });
  const plan = (options: Partial<AmqpModuleOptions> = {}, handlers = handlersOf(Orders)): PlannedConsumer[] =>
    planConsumers(handlers, [resolveModuleOptions({ uri, ...options }), other]);
  const byName = (plans: readonly PlannedConsumer[], name: string): PlannedConsumer => {
    const found = plans.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`no ${name} among ${plans.map((one) => one.name).join()}`);
    return found;
  };

  it('are called Class.method, with a number from the second on, or as they say', () => {
    const plans = [...handlersOf(Orders), ...handlersOf(Orders)];
    expect(plan({}, plans).map(({ name, source }) => [name, source])).toEqual([
      ['Orders.place', 'first'],
      ['Orders.place#2', 'second'],
      ['named', 'named'],
      ['Orders.other', 'other'],
      ['Orders.place#3', 'first'],
      ['Orders.place#4', 'second'],
      ['named#2', 'named'],
      ['Orders.other#2', 'other'],
    ]);
  });

  it('with the same name on two methods are refused', () => {
    const error = refusal(() => plan({}, [...handlersOf(Orders), ...handlersOf(Clash)]));
    expect(error.message).toContain('Clash.clash: name');
    expect(error.message).toContain('Orders.named');
  });

  it('on a connection that nobody made are refused, and told which there are', () => {
    const error = refusal(() => planConsumers(handlersOf(Orders), [resolveModuleOptions(uri)]));
    expect(error.option).toBe('Orders.other.connection');
    expect(error.message).toContain('(default)');
  });

  it('take what overrides say, then the decorator, then the defaults', () => {
    const plans = plan({
      defaults: { subscribe: { concurrency: 9, prefetch: 90, handlerTimeoutMs: 900 } },
      consumers: {
        'Orders.place': { source: ['a', 'b'], concurrency: 1, prefetch: undefined, shutdownTimeoutMs: 5 },
        'Orders.place#2': { enabled: false },
      },
    });
    expect(byName(plans, 'Orders.place')).toMatchObject({
      source: ['a', 'b'],
      subscribe: { concurrency: 1, prefetch: 50, handlerTimeoutMs: 900 },
      shutdownTimeoutMs: 5,
      isEnabled: true,
    });
    expect(byName(plans, 'Orders.place#2')).toMatchObject({
      source: 'second',
      subscribe: { concurrency: 9 },
      shutdownTimeoutMs: 20_000,
      isEnabled: false,
    });
    expect(byName(plans, 'Orders.other')).toMatchObject({ subscribe: {}, shutdownTimeoutMs: 7, connection: 'other' });
  });

  it('hand the client only what is its own', () => {
    expect(byName(plan(), 'Orders.other').subscribe).toEqual({});
    expect(byName(plan(), 'named').subscribe).toEqual({});
  });

  it.each([
    ['nobody has', 'Orders.plaec', /Orders\.place, Orders\.place#2, named/],
    ['a consumer of another connection has', 'Orders.other', /on the connection 'other'/],
  ])('are told when an override has a name that %s', (_what, name, message) => {
    const error = refusal(() => plan({ consumers: { [name]: { concurrency: 1 } } }));
    expect(error.option).toBe('consumers');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(name);
  });

  it('of a producer-only connection are left out, overrides for them too', () => {
    const plans = plan({ registerHandlers: false, consumers: { nobody: {} } });
    expect(plans.map(({ name }) => name)).toEqual(['Orders.other']);
  });
});
