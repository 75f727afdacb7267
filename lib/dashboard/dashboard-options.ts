import type { IncomingHttpHeaders } from 'node:http';

import type { InjectionToken, ModuleMetadata, OptionalFactoryDependency } from '@nestjs/common';

import { InvalidOptionsError } from '../client/index.js';
import {
  checkBoolean,
  checkFunction,
  checkMethods,
  checkMs,
  checkObject,
  checkRecord,
  checkText,
  checkTexts,
  checkWhole,
} from '../client/options/index.js';

/** An `AmqpConnection`, or what has one: `AmqpTransportStrategy`, `AmqpClientProxy`. */
export type DashboardConnectionSource =
  { observe(observer: object): () => void; open(): Promise<void> } | { unwrap(): unknown };

/** What `authorize` gets: the request of Express or Fastify, as it is. */
export interface AmqpDashboardRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** What the dashboard shows and who may see it. */
export interface AmqpDashboardSettings {
  /** Stands above the page. @default 'AMQP' */
  readonly title?: string | undefined;
  /**
   * Whether the page may change something: pause and resume consumers, move dead letters back, ask for a queue's depth.
   * @default false
   */
  readonly actions?: boolean | undefined;
  /**
   * Asked for each request, page and API; `false` is answered with 403. What it throws is answered as any error of a controller. With
   * `NODE_ENV=production` it must be given, or `allowUnprotected`.
   */
  authorize?(request: AmqpDashboardRequest): boolean | Promise<boolean>;
  /** Allows a dashboard without `authorize` in production, where something before it protects it. @default false */
  readonly allowUnprotected?: boolean | undefined;
  /**
   * Origins that the page is reached under, as `https://admin.example`: a request to any other name than these have, and `localhost`, is
   * refused (an address never is). Behind a proxy that does not pass `Host` on, also the name that it sends there. @default none
   */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * Further connections by name, for those that the application has outside Nest's injection. Those of `AmqpModule`, of
   * `connectMicroservice` and of injected client proxies are found without.
   */
  readonly connections?: Readonly<Record<string, DashboardConnectionSource>> | undefined;
  /** Addresses and names of each connection that are counted one by one; all others together. Range: 1 to 10 000. @default 100 */
  readonly maxAddresses?: number | undefined;
  /** Failures that are kept. Range: 0 to 10 000. @default 100 */
  readonly maxFailures?: number | undefined;
  /** How often the page asks. Unit: milliseconds, at least 250. @default 2_000 */
  readonly refreshMs?: number | undefined;
}

/** Where the dashboard is mounted. */
export interface AmqpDashboardPlace {
  /** Path of the page, under the application's global prefix. @default 'amqp' */
  readonly path?: string | undefined;
  /**
   * Decorators for the dashboard's controller: `[UseGuards(AdminGuard)]`, or what exempts it from a global guard. @default none
   */
  readonly decorators?: readonly ClassDecorator[] | undefined;
  /** Modules whose providers the guards or the factory need. @default none */
  readonly imports?: ModuleMetadata['imports'];
}

/** Options of `AmqpDashboardModule.forRoot`. */
export interface AmqpDashboardOptions extends AmqpDashboardSettings, AmqpDashboardPlace {}

/** Options of `AmqpDashboardModule.forRootAsync`: where it is mounted stands outside the factory. */
export interface AmqpDashboardAsyncOptions extends AmqpDashboardPlace {
  readonly inject?: (InjectionToken | OptionalFactoryDependency)[] | undefined;
  // any[]: the factory's parameters are whatever `inject` names.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly useFactory: (...args: any[]) => AmqpDashboardSettings | Promise<AmqpDashboardSettings>;
}

/** Checked, with the defaults filled in. */
export interface ResolvedDashboardSettings {
  readonly title: string;
  readonly actions: boolean;
  readonly authorize: ((request: AmqpDashboardRequest) => boolean | Promise<boolean>) | undefined;
  readonly allowedOrigins: readonly string[];
  readonly connections: ReadonlyMap<string, DashboardConnectionSource>;
  readonly maxAddresses: number;
  readonly maxFailures: number;
  readonly refreshMs: number;
}

/** The same of the place. */
export interface ResolvedDashboardPlace {
  readonly path: string;
  readonly decorators: readonly ClassDecorator[];
  readonly imports: NonNullable<ModuleMetadata['imports']>;
}

const PLACE_NAMES = ['path', 'decorators', 'imports'];
const SETTING_NAMES = [
  'title',
  'actions',
  'authorize',
  'allowUnprotected',
  'allowedOrigins',
  'connections',
  'maxAddresses',
  'maxFailures',
  'refreshMs',
];

/** @throws InvalidOptionsError for options that cannot work, and for a dashboard that everybody could open in production */
export function resolveDashboardSettings(
  options: AmqpDashboardSettings,
  nodeEnv: string | undefined = process.env['NODE_ENV'],
): ResolvedDashboardSettings {
  const given = checkObject(options, 'dashboard', [...SETTING_NAMES, ...PLACE_NAMES]);
  const authorize = checkFunction<ResolvedDashboardSettings['authorize']>(given['authorize'], 'authorize');
  const allowUnprotected = checkBoolean(given['allowUnprotected'], 'allowUnprotected', false);
  if (authorize === undefined && !allowUnprotected && nodeEnv === 'production') {
    const expected =
      'a function when NODE_ENV is production (whoever finds the page could read it); allowUnprotected: true allows it, for a dashboard that something before it protects';
    throw new InvalidOptionsError('authorize', expected, undefined);
  }
  return {
    title: checkText(given['title'], 'title') ?? 'AMQP',
    actions: checkBoolean(given['actions'], 'actions', false),
    // The method of an object stays one.
    authorize: authorize && ((request) => authorize.call(options, request)),
    allowedOrigins: resolveOrigins(given['allowedOrigins']),
    connections: resolveConnections(given['connections']),
    maxAddresses: checkWhole(given['maxAddresses'], 'maxAddresses', { min: 1, max: 10_000, default: 100 }),
    maxFailures: checkWhole(given['maxFailures'], 'maxFailures', { min: 0, max: 10_000, default: 100 }),
    refreshMs: checkMs(given['refreshMs'], 'refreshMs', { min: 250, default: 2_000 }),
  };
}

/** @throws InvalidOptionsError */
export function resolveDashboardPlace(options: AmqpDashboardPlace): ResolvedDashboardPlace {
  const { decorators, imports } = options;
  const path = checkText(options.path, 'path') ?? 'amqp';
  const segments = path.replaceAll(/^\/+|\/+$/g, '');
  if (!/^[\w~.-]+(\/[\w~.-]+)*$/.test(segments))
    throw new InvalidOptionsError('path', "segments of letters, digits, '-', '_', '.' and '~', as 'admin/amqp'", path);
  if (decorators !== undefined && !(Array.isArray(decorators) && decorators.every((one) => typeof one === 'function')))
    throw new InvalidOptionsError('decorators', 'a list of class decorators', decorators);
  if (imports !== undefined && !Array.isArray(imports))
    throw new InvalidOptionsError('imports', 'a list of modules', imports);
  return { path: segments, decorators: [...(decorators ?? [])], imports: [...(imports ?? [])] };
}

/** As browsers write them: no default port, no slash at the end. */
function resolveOrigins(value: unknown): readonly string[] {
  return (checkTexts(value, 'allowedOrigins') ?? []).map((text, index) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url.origin;
    const expected = "scheme, host and port alone, as 'https://admin.example'";
    throw new InvalidOptionsError(
      `allowedOrigins[${index}]`,
      expected,
      text,
      text.includes('@') ? 'secret' : undefined,
    );
  });
}

function resolveConnections(value: unknown): ReadonlyMap<string, DashboardConnectionSource> {
  const found = new Map<string, DashboardConnectionSource>();
  for (const [name, source] of Object.entries(checkRecord(value, 'connections') ?? {}))
    found.set(name, checkConnection(source, `connections.${name}`));
  return found;
}

/** @throws InvalidOptionsError for what is neither a connection nor has one */
export function checkConnection(value: unknown, path: string): DashboardConnectionSource {
  const has = (method: string): boolean =>
    typeof value === 'object' && value !== null && typeof Reflect.get(value, method) === 'function';
  const checked = checkMethods<DashboardConnectionSource>(
    value,
    path,
    has('unwrap') ? ['unwrap'] : ['observe', 'open'],
  );
  if (checked === undefined) throw new InvalidOptionsError(path, 'a connection, or what has one', value);
  return checked;
}
