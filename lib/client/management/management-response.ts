// What a management node answered: status, description, and the error where it is no success.

import { DecodeError, type Secrets } from '../../protocol/index.js';
import { ManagementError } from '../errors.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import type {
  ManagementRequest,
  ManagementResponse,
  ResolvedManagementClientOptions,
} from './management-client-options.js';

/**
 * The result of the request.
 *
 * @throws DecodeError when it cannot be read or has no status; ManagementError when the status is no success and `raw` is not set;
 * whatever `reshape` throws
 */
export function readResponse<T>(
  message: IncomingMessage,
  request: ManagementRequest<T>,
  options: ResolvedManagementClientOptions,
  secrets: Secrets | undefined,
): T {
  if (message.failure !== undefined) throw message.failure.error;
  const { body, applicationProperties = {} } = message;
  const statusCode = wholeNumber(applicationProperties[options.statusCodeField]);
  if (statusCode === undefined)
    throw new DecodeError(`an answer from "${options.node}" has no status in "${options.statusCodeField}"`);
  const found = options.descriptionFields
    .map((field) => applicationProperties[field])
    .find((said) => typeof said === 'string');
  const description = found === undefined ? undefined : (secrets?.masked(found) ?? found);
  const isSuccess = statusCode >= 200 && statusCode < 300;
  if (!isSuccess && !options.raw) {
    const said = description === undefined ? '' : `: ${description}`;
    const what = `${request.operation} was answered by "${options.node}" with ${statusCode}${said}`;
    throw new ManagementError(what, statusCode, description, body);
  }
  if (request.reshape !== undefined) return request.reshape(statusCode, message, description);
  const response: ManagementResponse = {
    statusCode,
    ...(description === undefined ? {} : { statusDescription: description }),
    body,
    applicationProperties,
  };
  // True: without `reshape` T is what it is by default.
  return response as T;
}

/** Any of AMQP's integers. */
export function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}
