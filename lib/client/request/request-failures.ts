// What a request client says when a request fails before its reply: every reason, one place for the words.

import { AmqpError } from '../../protocol/index.js';
import { ClientClosedError, RequestTimeoutError, SendError, SendQueueFullError } from '../errors.js';
import type { PendingRequest } from './pending-request.js';

/** Makes the errors of one client. */
export class RequestFailures {
  constructor(
    private readonly address: string,
    private readonly peerName: () => string,
  ) {}

  timeout({ timeoutMs }: PendingRequest, cause?: unknown): RequestTimeoutError {
    const where = `"${this.address}" at ${this.peerName()}`;
    return AmqpError.inOwnWords(new RequestTimeoutError(`no reply from ${where} within ${timeoutMs} ms`, { cause }));
  }

  aborted({ isSent }: PendingRequest): SendError {
    const { address } = this;
    const facts = { address, delivered: isSent ? 'unknown' : 'no', attempts: isSent ? 1 : 0 } as const;
    return AmqpError.inOwnWords(new SendError('aborted', `a request to "${address}" was aborted`, facts));
  }

  /** @param waiting requests that wait for the reply link */
  full(waiting: number): SendQueueFullError {
    const held = `${waiting} requests wait for the reply link already (maxPendingMessages)`;
    return AmqpError.inOwnWords(new SendQueueFullError(`a request to "${this.address}" failed: ${held}`, this.address));
  }

  closed(): ClientClosedError {
    return AmqpError.inOwnWords(new ClientClosedError(`the request client for "${this.address}" is closed`));
  }
}
