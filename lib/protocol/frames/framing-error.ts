/** The peer sent bytes that are no AMQP frame. The connection cannot go on: it is closed with this condition. */
export class FramingError extends Error {
  override readonly name = 'FramingError';

  /** @param condition `amqp:connection:framing-error`, `amqp:decode-error` or `amqp:invalid-field` */
  constructor(
    message: string,
    readonly condition = 'amqp:connection:framing-error',
  ) {
    super(message);
  }
}
