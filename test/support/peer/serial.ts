/** 32 bits, wrapped. */
export const u32 = (value: number): number => value >>> 0;

/** Serial number arithmetic (RFC 1982): how far `a` is ahead of `b`, negative when it is behind. */
export const ahead = (a: number, b: number): number => (a - b) | 0;
