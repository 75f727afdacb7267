// Which messages of a source are a handler's: what `when` may say, and whether it is true of a message.

import { isDeepStrictEqual } from 'node:util';

import { InvalidOptionsError, type ReceivedMessage } from '../../client/index.js';
import { checkFunction, checkObject, checkRecord, checkText } from '../../client/options/index.js';

/**
 * Messages that one of several handlers of a source is for. A string is the subject; of an object all that it names must hold; a function
 * decides itself.
 */
export type AmqpMatch =
  | string
  | {
      readonly subject?: string | undefined;
      /** Compared with the values as received: a string is not a number. */
      readonly applicationProperties?: Readonly<Record<string, unknown>> | undefined;
    }
  | ((message: ReceivedMessage) => boolean);

/** In its long form, without what is `undefined`. @throws InvalidOptionsError */
export function checkMatch(value: unknown, path: string): AmqpMatch | undefined {
  if (value === undefined || typeof value === 'function') return checkFunction(value, path);
  if (typeof value === 'string') return { subject: checkText(value, path) };
  const given = checkObject(value, path, ['subject', 'applicationProperties']);
  const subject = checkText(given['subject'], `${path}.subject`);
  const named = checkRecord(given['applicationProperties'], `${path}.applicationProperties`) ?? {};
  const properties = Object.entries(named).filter(([, wanted]) => wanted !== undefined);
  if (subject === undefined && properties.length === 0)
    throw new InvalidOptionsError(path, 'a subject, application properties, or both', value);
  return {
    ...(subject === undefined ? {} : { subject }),
    ...(properties.length === 0 ? {} : { applicationProperties: Object.fromEntries(properties) }),
  };
}

/** @throws whatever a function throws */
export function matches(match: AmqpMatch, message: ReceivedMessage): boolean {
  if (typeof match === 'string') return message.properties?.subject === match;
  if (typeof match === 'function') return match(message);
  const { subject, applicationProperties = {} } = match;
  if (subject !== undefined && message.properties?.subject !== subject) return false;
  const received = message.applicationProperties ?? {};
  return Object.entries(applicationProperties).every(
    ([name, value]) => Object.hasOwn(received, name) && isDeepStrictEqual(received[name], value),
  );
}
