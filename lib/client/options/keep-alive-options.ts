import { checkMs, checkObject, joinPath } from './check.js';

/** `false`: no idle detection of ours. @throws InvalidOptionsError */
export function resolveKeepAlive(
  value: unknown,
  path: string,
): { readonly idleTimeoutMs: number | undefined; readonly intervalMs: number | undefined } {
  if (value === false) return { idleTimeoutMs: 0, intervalMs: undefined };
  const options = checkObject(value, path, ['idleTimeoutMs', 'intervalMs']);
  return {
    idleTimeoutMs: checkMs(options['idleTimeoutMs'], joinPath(path, 'idleTimeoutMs'), {
      min: 1_000,
      default: undefined,
    }),
    intervalMs: checkMs(options['intervalMs'], joinPath(path, 'intervalMs'), { min: 100, default: undefined }),
  };
}
