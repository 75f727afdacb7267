import { checkFunction } from '../options/check.js';
import type { HandlerPolicy } from './handler-policy.js';
import { DEFAULT_POLICY } from './policy.js';

/** `undefined` is the default policy. @throws InvalidOptionsError */
export function checkHandlerPolicy(value: unknown, path: string): HandlerPolicy {
  return checkFunction<HandlerPolicy>(value, path) ?? DEFAULT_POLICY;
}
