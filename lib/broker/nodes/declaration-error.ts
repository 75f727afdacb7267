/** A queue, exchange or binding cannot be declared so. Options make an `InvalidOptionsError` of it, `/management` a 400. */
export class DeclarationError extends Error {
  override readonly name = 'DeclarationError';

  /** @param subject the argument or field */
  constructor(
    readonly subject: string,
    readonly expected: string,
    readonly received: unknown,
  ) {
    super(`invalid '${subject}': it must be ${expected}`);
  }
}
