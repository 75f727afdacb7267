import type { ReceivedMessage } from '../message/received-message.js';
import { checkBoolean, checkMs, checkObject, checkText, checkTexts, joinPath } from '../options/check.js';

/** How a management client works. The defaults are those of AMQP Management (working draft 9). */
export interface ManagementClientOptions {
  /** The address of the node, as it goes on the wire. @default '$management' */
  readonly node?: string | undefined;
  /** The application property that holds an answer's status. @default 'statusCode' */
  readonly statusCodeField?: string | undefined;
  /** The application properties that may hold its description; the first that is there counts. @default ['statusDescription'] */
  readonly descriptionFields?: readonly string[] | undefined;
  /** From the call to the answer, the attach included. Unit: milliseconds. Range: 1 or more. @default 30_000 */
  readonly timeoutMs?: number | undefined;
  /** Every answer is a success, whatever its status. @default false */
  readonly raw?: boolean | undefined;
}

/** One request to a management node. */
export interface ManagementRequest<T = ManagementResponse> {
  /** The application property `operation`: `READ`, `QUERY` ... */
  readonly operation: string;
  /** The application property `type`. @default left out */
  readonly type?: string | undefined;
  /** Sent as an AMQP value. @default null */
  readonly body?: unknown;
  /** Further ones; `operation` and `type` win. */
  readonly applicationProperties?: Readonly<Record<string, unknown>> | undefined;
  /** @default that of the client */
  readonly timeoutMs?: number | undefined;
  /** Makes the result. What it throws is what the request rejects with. @default a ManagementResponse */
  readonly reshape?: ((status: number, message: ReceivedMessage, description?: string) => T) | undefined;
}

/** An answer of a management node. */
export interface ManagementResponse {
  readonly statusCode: number;
  readonly statusDescription?: string;
  /** Data bodies are decoded by the connection's codecs. */
  readonly body: unknown;
  readonly applicationProperties: Record<string, unknown>;
}

/** The options with every default filled in. */
export interface ResolvedManagementClientOptions {
  readonly node: string;
  readonly statusCodeField: string;
  readonly descriptionFields: readonly string[];
  readonly timeoutMs: number;
  readonly raw: boolean;
}

const NAMES: readonly (keyof ManagementClientOptions)[] = [
  'node',
  'statusCodeField',
  'descriptionFields',
  'timeoutMs',
  'raw',
];

/**
 * @param path in front of the option's name in the error; empty at the top
 * @throws InvalidOptionsError
 */
export function resolveManagementClientOptions(
  options?: ManagementClientOptions,
  path = '',
): ResolvedManagementClientOptions {
  const given = checkObject(options, path, NAMES);
  const at = (name: keyof ManagementClientOptions): string => joinPath(path, name);
  return {
    node: checkText(given['node'], at('node')) ?? '$management',
    statusCodeField: checkText(given['statusCodeField'], at('statusCodeField')) ?? 'statusCode',
    descriptionFields: checkTexts(given['descriptionFields'], at('descriptionFields')) ?? ['statusDescription'],
    timeoutMs: checkMs(given['timeoutMs'], at('timeoutMs'), { min: 1, default: 30_000 }),
    raw: checkBoolean(given['raw'], at('raw'), false),
  };
}
