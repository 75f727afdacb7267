import { describe, expect, it } from '@jest/globals';
import { AmqpConnection, InvalidOptionsError } from '../../../lib/client/index.js';
import { resolveDashboardPlace, resolveDashboardSettings } from '../../../lib/dashboard/dashboard-options.js';
import { AmqpDashboardModule, type AmqpDashboardOptions } from '../../../lib/dashboard/index.js';

const optionOf = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error.option;
    throw error;
  }
  return 'none';
};

describe('a dashboard in production', () => {
  it.each<[string, AmqpDashboardOptions, string]>([
    ['without authorize does not start', {}, 'authorize'],
    ['without authorize does not start, though actions are off', { actions: false }, 'authorize'],
    ['starts where it is said to be protected otherwise', { allowUnprotected: true }, 'none'],
    ['starts with authorize', { authorize: () => true }, 'none'],
  ])('%s', (_what, options, option) => {
    expect(optionOf(() => resolveDashboardSettings(options, 'production'))).toBe(option);
    expect(optionOf(() => resolveDashboardSettings(options, 'development'))).toBe('none');
  });
});

describe('options of the dashboard', () => {
  it.each<[string, object, string]>([
    ['an unknown name', { pth: 'amqp' }, 'dashboard.pth'],
    ['an empty title', { title: '' }, 'title'],
    ['actions', { actions: 'yes' }, 'actions'],
    ['authorize', { authorize: true }, 'authorize'],
    ['allowUnprotected', { allowUnprotected: 1 }, 'allowUnprotected'],
    ['no addresses', { maxAddresses: 0 }, 'maxAddresses'],
    ['too many addresses', { maxAddresses: 10_001 }, 'maxAddresses'],
    ['failures', { maxFailures: -1 }, 'maxFailures'],
    ['origins that are no list', { allowedOrigins: 'https://a.example' }, 'allowedOrigins'],
    ['every origin', { allowedOrigins: ['*'] }, 'allowedOrigins[0]'],
    ['a host', { allowedOrigins: ['https://a.example', 'b.example'] }, 'allowedOrigins[1]'],
    ['a host with a port', { allowedOrigins: ['b.example:80'] }, 'allowedOrigins[0]'],
    ['an origin with a path', { allowedOrigins: ['https://a.example/amqp'] }, 'allowedOrigins[0]'],
    ['an origin with a user', { allowedOrigins: ['https://a@a.example'] }, 'allowedOrigins[0]'],
    ['an origin of no page', { allowedOrigins: ['ws://a.example'] }, 'allowedOrigins[0]'],
    ['asking all the time', { refreshMs: 10 }, 'refreshMs'],
    ['a connection that is none', { connections: { rpc: {} } }, 'connections.rpc'],
    ['a connection that is not there', { connections: { rpc: undefined } }, 'connections.rpc'],
    ['an empty path', { path: '' }, 'path'],
    ['a path with a parameter', { path: 'amqp/:id' }, 'path'],
    ['a path that goes up', { path: 'a//b' }, 'path'],
    ['decorators', { decorators: [1] }, 'decorators'],
    ['imports', { imports: {} }, 'imports'],
  ])('are refused by name: %s', (_what, options, option) => {
    // As somebody without types would write them.
    expect(optionOf(() => AmqpDashboardModule.forRoot(options as AmqpDashboardOptions))).toBe(option);
  });

  it('are refused without a factory', () => {
    expect(optionOf(() => AmqpDashboardModule.forRootAsync({} as never))).toBe('useFactory');
  });

  it('have defaults', () => {
    expect(resolveDashboardSettings({}, 'test')).toMatchObject({
      title: 'AMQP',
      actions: false,
      authorize: undefined,
      allowedOrigins: [],
      maxAddresses: 100,
      maxFailures: 100,
      refreshMs: 2_000,
    });
    expect(resolveDashboardPlace({}).path).toBe('amqp');
    expect(resolveDashboardPlace({ path: '/admin/amqp/' }).path).toBe('admin/amqp');
  });

  it('take a connection, and what has one', () => {
    const connection = new AmqpConnection('amqp://127.0.0.1:1');
    const connections = { own: connection, server: { unwrap: () => connection } };
    expect([...resolveDashboardSettings({ connections }).connections.keys()]).toEqual(['own', 'server']);
  });

  it('take origins as browsers write them', () => {
    const allowedOrigins = ['HTTPS://Admin.Example:443', 'http://10.0.0.1:8080/'];
    expect(resolveDashboardSettings({ allowedOrigins }).allowedOrigins).toEqual([
      'https://admin.example',
      'http://10.0.0.1:8080',
    ]);
  });

  it('keep authorize a method of its object', async () => {
    const options = {
      key: 'k',
      authorize(this: { key: string }, { url }: { url: string }): boolean {
        return url === this.key;
      },
    };
    const { key: _key, ...rest } = options;
    const given = Object.assign(Object.create({ key: 'k' }) as object, rest);
    const { authorize } = resolveDashboardSettings(given, 'test');
    expect(await authorize?.({ url: 'k', method: 'GET', headers: {} })).toBe(true);
  });
});
