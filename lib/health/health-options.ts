import {
  type ConnectionStatus,
  InvalidOptionsError,
  type LastStatus,
  type LinkRole,
  type LinkStatus,
  type PeerDescription,
} from '../client/index.js';
import { checkObject, checkTexts } from '../client/options/index.js';

/** An `AmqpConnection`, as far as a check looks at it. */
export interface CheckedConnection {
  readonly status: ConnectionStatus;
  readonly lastStatus: LastStatus;
  readonly links: readonly LinkStatus[];
  readonly peer: PeerDescription | undefined;
}

/** What has a connection: `AmqpClientProxy`, `AmqpTransportStrategy`. */
export interface ConnectionHolder {
  /** Its connection. */
  unwrap(): CheckedConnection;
}

/** What a check looks at. */
export interface AmqpHealthOptions {
  /**
   * Names of connections, connections, or what holds one. A server's connection has the name `microservice`, a client proxy's that of its
   * provider, unless they share one of `AmqpModule`.
   *
   * @default every connection of `AmqpModule`, and those that servers and client proxies of the application were given, until they are
   * closed
   */
  readonly connections?: readonly (string | CheckedConnection | ConnectionHolder)[] | undefined;
  /** Names of consumers, and addresses of links. What ails them does not count; it stands in the details all the same. @default none */
  readonly ignore?: readonly string[] | undefined;
  /** The links that count. Consumers count always. @default send, receive, request, reply, management */
  readonly roles?: readonly LinkRole[] | undefined;
}

/** With every default filled in. */
export interface ResolvedHealthOptions {
  /** `undefined`: all. */
  readonly connections: readonly (string | CheckedConnection)[] | undefined;
  readonly ignore: ReadonlySet<string>;
  readonly roles: ReadonlySet<LinkRole>;
}

const ROLES: Readonly<Record<LinkRole, boolean>> = {
  send: true,
  receive: true,
  request: true,
  reply: true,
  management: true,
  // To whoever asked, and may be gone.
  answer: false,
  // Tried unasked; a transaction that cannot be begun says so itself.
  transaction: false,
  // Whoever redrives is told.
  redrive: false,
};

/** @throws InvalidOptionsError */
export function resolveHealthOptions(options?: AmqpHealthOptions): ResolvedHealthOptions {
  const given = checkObject(options, '', ['connections', 'ignore', 'roles']);
  return {
    connections: checkConnections(given['connections']),
    ignore: new Set(checkTexts(given['ignore'], 'ignore')),
    roles: checkRoles(given['roles']),
  };
}

function checkConnections(value: unknown): ResolvedHealthOptions['connections'] {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length === 0)
    throw new InvalidOptionsError('connections', 'a list of at least one', value);
  // true: Array.isArray makes any[] of it
  return (value as unknown[]).map((one, index) => {
    if (typeof one === 'string') return one;
    if (isObject(one) && typeof one['unwrap'] === 'function') return (one as unknown as ConnectionHolder).unwrap(); // true: as by Nest's convention
    // true as far as a running program can see, also of the package's other module format
    if (isObject(one) && 'lastStatus' in one && 'links' in one) return one as unknown as CheckedConnection;
    throw new InvalidOptionsError(
      `connections[${index}]`,
      'a name, an AmqpConnection, or what unwrap() gives one',
      one,
    );
  });
}

function checkRoles(value: unknown): ReadonlySet<LinkRole> {
  const given = checkTexts(value, 'roles');
  // true: the names of ROLES
  const known = Object.keys(ROLES) as LinkRole[];
  if (given === undefined) return new Set(known.filter((role) => ROLES[role]));
  return new Set(
    given.map((role, index) => {
      const found = known.find((one) => one === role);
      if (found === undefined) throw new InvalidOptionsError(`roles[${index}]`, `one of ${known.join(', ')}`, role);
      return found;
    }),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
