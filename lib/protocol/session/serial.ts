/** The number after `value` in the 32-bit arithmetic of RFC 1982 that AMQP counts in. */
export function next(value: number): number {
  return (value + 1) >>> 0;
}

/** `value` moved on by `by`. */
export function plus(value: number, by: number): number {
  return (value + by) >>> 0;
}

/** How far `to` lies ahead of `from`; negative when behind. */
export function distance(from: number, to: number): number {
  return (to - from) | 0;
}
