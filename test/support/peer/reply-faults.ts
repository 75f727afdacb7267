/** What happens to the bytes of one reply on their way out. `emit` may be called never, later, or more than once. */
export type ReplyFault = (bytes: Buffer, emit: (bytes: Buffer) => void) => void;

/** The reply goes out `delayMs` later. */
export const delayed =
  (delayMs: number): ReplyFault =>
  (bytes, emit) => {
    setTimeout(() => emit(bytes), delayMs).unref();
  };

/** The reply goes out when the promise resolves. */
export const heldUntil =
  (gate: Promise<unknown>): ReplyFault =>
  (bytes, emit) => {
    gate.then(
      () => emit(bytes),
      () => undefined,
    );
  };

/** The reply never goes out. */
export const dropped: ReplyFault = () => undefined;

/** The reply goes out twice. */
export const duplicated: ReplyFault = (bytes, emit) => {
  emit(bytes);
  emit(bytes);
};

/** Something else goes out in its place. */
export const replacedBy =
  (other: Buffer | ((bytes: Buffer) => Buffer)): ReplyFault =>
  (bytes, emit) =>
    emit(typeof other === 'function' ? other(bytes) : other);

/** `count` replies are collected and go out in the opposite order. */
export function reordered(count: number): ReplyFault {
  const held: Buffer[] = [];
  return (bytes, emit) => {
    held.push(bytes);
    if (held.length < count) return;
    for (const item of held.splice(0).toReversed()) emit(item);
  };
}

/** Only the first `count` replies meet the fault, the later ones pass. */
export function firstOnly(fault: ReplyFault, count = 1): ReplyFault {
  let seen = 0;
  return (bytes, emit) => {
    seen += 1;
    if (seen <= count) fault(bytes, emit);
    else emit(bytes);
  };
}
