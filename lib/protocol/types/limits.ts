/** How deep lists, maps, arrays and described values may stand in one another, written or read. */
export const MAX_DEPTH = 32;

/** Values in one control frame. */
export const MAX_FRAME_VALUES = 100_000;

/** Values in one message: what 16 MiB of one-byte values would make of themselves on the heap is bounded by this. */
export const MAX_MESSAGE_VALUES = 1_000_000;

/** Items of an array whose items take no byte at all (null, true, false, 0, the empty list). */
export const MAX_ZERO_WIDTH_ITEMS = 65_536;
