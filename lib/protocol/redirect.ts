// What a peer says when a node or a container lives elsewhere (sections 2.8.16 and 2.8.17).

/** Where a peer points to. Every field may be missing, and what is not of its type is. */
export interface RedirectTarget {
  /** What the container there is called: for OPEN's hostname and the name in its certificate. */
  readonly hostname?: string;
  /** What is dialled; without it `hostname`. */
  readonly networkHost?: string;
  readonly port?: number;
  /** Links only: the node's address there. */
  readonly address?: string;
  /** Azure's, beside the specification: `amqps`, `wss`. */
  readonly scheme?: string;
  /** Azure's: the path of a WebSocket. */
  readonly path?: string;
}

/** Longer names are nobody's. */
const MAX_LENGTH = 2_048;

/** Reads the info map of a redirect, which a peer may leave out. */
export function redirectOf(info: Readonly<Record<string, unknown>> | undefined): RedirectTarget {
  const read = (key: string): string | undefined => textOf(info?.[key]);
  return {
    ...present('hostname', read('hostname')),
    ...present('networkHost', read('network-host')),
    ...present('port', portOf(info?.['port'])),
    ...present('address', read('address')),
    ...present('scheme', read('scheme')),
    ...present('path', read('path')),
  };
}

function textOf(value: unknown): string | undefined {
  const text = Buffer.isBuffer(value) && value.length <= MAX_LENGTH ? value.toString('utf8') : value;
  return typeof text === 'string' && text !== '' && text.length <= MAX_LENGTH ? text : undefined;
}

function portOf(value: unknown): number | undefined {
  const port = typeof value === 'bigint' ? Number(value) : value;
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

function present<Name extends string, Value>(name: Name, value: Value | undefined): { readonly [N in Name]?: Value } {
  // True: the one member that it may have is the one that is named.
  return (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: Value };
}
