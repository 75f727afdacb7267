/** Type code 0 and the descriptor of a section; answers where its value goes. */
export function writeSection(buffer: Buffer, offset: number, code: number): number {
  buffer[offset] = 0;
  buffer[offset + 1] = 0x53;
  buffer[offset + 2] = code;
  return offset + 3;
}
