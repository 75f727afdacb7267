import { RpcException } from '@nestjs/microservices';

/** No handler is for the message. In Nest's words, which its clients know. */
export class UnmatchedPatternError extends RpcException {
  constructor(
    readonly pattern: string | undefined,
    readonly address: string,
  ) {
    super('There is no matching message handler defined in the remote service.');
  }
}
