import { InvalidOptionsError } from '../../protocol/index.js';
import type { Observer } from './observer.js';

const METHODS = [
  'forConnection',
  'onStatus',
  'onAuthentication',
  'onSend',
  'onSent',
  'onRequest',
  'onReplied',
  'onReceive',
  'onDelivery',
  'runHandler',
  'onHandled',
  'onDecision',
  'runPolicy',
  'onSettle',
];

/** One observer or a list of them; `undefined` is none. @throws InvalidOptionsError */
export function checkObservers(value: unknown, path: string): readonly Observer[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return [checkObserver(value, path)];
  return value.map((item: unknown, index) => checkObserver(item, `${path}[${index}]`));
}

/** @throws InvalidOptionsError for what is none */
export function checkObserver(value: unknown, path: string): Observer {
  if (typeof value !== 'object' || value === null)
    throw new InvalidOptionsError(path, `an object with some of ${METHODS.join(', ')}`, value);
  for (const method of METHODS) {
    const member: unknown = Reflect.get(value, method);
    if (member !== undefined && typeof member !== 'function')
      throw new InvalidOptionsError(`${path}.${method}`, 'a function', member);
  }
  return value;
}
