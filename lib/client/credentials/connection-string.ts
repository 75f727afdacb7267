// Connection strings of Azure's kind: `Endpoint=sb://HOST/;SharedAccessKeyName=...;SharedAccessKey=...;EntityPath=...`.

import { InvalidOptionsError } from '../../protocol/index.js';

/** A connection string taken apart. What is not in it is absent. It holds secrets: do not log it. */
export interface ConnectionStringParts {
  /** `sb://HOST/`, as it was written. */
  readonly endpoint?: string;
  /** The endpoint's host. */
  readonly host?: string;
  /** What a connection takes: `amqps://HOST[:PORT]`; `amqp://` for a development emulator. */
  readonly uri?: string;
  /** The queue, topic or event hub. */
  readonly entityPath?: string;
  readonly sharedAccessKeyName?: string;
  readonly sharedAccessKey?: string;
  /** A ready-made signature. */
  readonly sharedAccessSignature?: string;
  /** Everything that was there, by its name as written. */
  readonly values: Readonly<Record<string, string>>;
}

const PATH = 'connectionString';

/**
 * Reads `Key=Value;Key=Value`. Empty parts, a `;` at the end and white space around names and values do no harm, names are found in any
 * case, and a value may hold `=`. The last of two of one name counts.
 *
 * @throws InvalidOptionsError for a part without a name or `=`, or an endpoint that is no URI; what was given is not shown
 */
export function parseConnectionString(text: string): ConnectionStringParts {
  if (typeof text !== 'string' || text.trim() === '')
    throw wrong('a string of Key=Value parts with ; between them', text);
  const values = new Map<string, string>();
  for (const part of text.split(';').map((piece) => piece.trim())) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    if (equals < 1) throw wrong('made of Key=Value parts with ; between them', text);
    values.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  const find = (wanted: string): string | undefined =>
    [...values].findLast(([name]) => name.toLowerCase() === wanted.toLowerCase())?.[1];
  const isEmulated = find('UseDevelopmentEmulator')?.toLowerCase() === 'true';
  return {
    ...endpointOf(find('Endpoint'), isEmulated ? 'amqp' : 'amqps', text),
    ...present('entityPath', find('EntityPath')),
    ...present('sharedAccessKeyName', find('SharedAccessKeyName')),
    ...present('sharedAccessKey', find('SharedAccessKey')),
    ...present('sharedAccessSignature', find('SharedAccessSignature')),
    values: Object.fromEntries(values),
  };
}

function endpointOf(
  endpoint: string | undefined,
  scheme: 'amqp' | 'amqps',
  text: string,
): Pick<ConnectionStringParts, 'endpoint' | 'host' | 'uri'> {
  if (endpoint === undefined) return {};
  const [, host, port = ''] = /^[a-z][a-z0-9+.-]*:\/\/([^/:?#@]+|\[[^\]]+\])(:\d+)?(?:[/?#].*)?$/i.exec(endpoint) ?? [];
  if (host === undefined) throw wrong('one whose Endpoint is a URI such as sb://HOST/', text);
  return { endpoint, host, uri: `${scheme}://${host}${port}` };
}

function present<Name extends string>(name: Name, value: string | undefined): { readonly [N in Name]?: string } {
  // True: the one member that it may have is the one that is named.
  return (value === undefined || value === '' ? {} : { [name]: value }) as { readonly [N in Name]?: string };
}

function wrong(expected: string, given: unknown): InvalidOptionsError {
  return new InvalidOptionsError(PATH, expected, given, 'secret');
}
