// A message leaving: what stands in front of values.

/** Type code 0 and the descriptor of a section; answers where its value goes. */
export function writeSection(buffer: Buffer, offset: number, code: number): number {
  buffer[offset] = 0;
  buffer[offset + 1] = 0x53;
  buffer[offset + 2] = code;
  return offset + 3;
}

/** Whether a field is there. A null from JavaScript that no compiler checked is as absent as an undefined. */
export function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined && value !== null;
}
