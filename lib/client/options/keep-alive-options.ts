import { InvalidOptionsError } from '../../protocol/index.js';
import { checkMs, checkObject, joinPath } from './check.js';

/** `undefined`: what the URI or the default says. */
export interface KeepAlivePolicy {
  readonly idleTimeoutMs: number | undefined;
  readonly intervalMs: number | undefined;
  readonly emptyFrameRatio: number | undefined;
}

/** `false`: no idle detection of ours. @throws InvalidOptionsError */
export function resolveKeepAlive(value: unknown, path: string): KeepAlivePolicy {
  if (value === false) return { idleTimeoutMs: 0, intervalMs: undefined, emptyFrameRatio: undefined };
  const options = checkObject(value, path, ['idleTimeoutMs', 'intervalMs', 'emptyFrameRatio']);
  return {
    idleTimeoutMs: checkMs(options['idleTimeoutMs'], joinPath(path, 'idleTimeoutMs'), {
      min: 1_000,
      default: undefined,
    }),
    intervalMs: checkMs(options['intervalMs'], joinPath(path, 'intervalMs'), { min: 100, default: undefined }),
    emptyFrameRatio: checkRatio(options['emptyFrameRatio'], joinPath(path, 'emptyFrameRatio')),
  };
}

function checkRatio(value: unknown, path: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && value > 0 && value <= 1)) return value;
  throw new InvalidOptionsError(path, 'a number over 0 and up to 1', value);
}
