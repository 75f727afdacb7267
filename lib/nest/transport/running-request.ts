// A reply arriving: request client -> (here) -> the Observable of client.send.

import type { Deserializer, WritePacket } from '@nestjs/microservices';

import { type ReceivedMessage, RequestError } from '../../client/index.js';

type Callback = (packet: WritePacket) => void;

/** What the request client has of it. */
interface Pending {
  abort(): void;
}

/** One `client.send` from its subscription to its last reply. */
export class RunningRequest {
  /** Unsubscribed: nobody hears of anything any more. */
  isCancelled = false;
  /** Which replies the request client hands on. */
  readonly takes: 'all' | 'until-aborted' = 'all';
  private pending: Pending | undefined;

  constructor(protected readonly callback: Callback) {}

  /** It is on its way; `undefined`: it failed before. */
  started(pending: Pending | undefined): void {
    this.pending = pending;
    // By whoever was told before this.
    if (this.isCancelled) pending?.abort();
  }

  cancel(): void {
    this.isCancelled = true;
    this.pending?.abort();
  }

  next(message: ReceivedMessage): void {
    this.callback({ response: message.body });
  }

  complete(): void {
    this.callback({ isDisposed: true });
  }

  error(error: unknown): void {
    if (this.isCancelled) return;
    this.callback({ err: error instanceof RequestError ? said(error.body, error) : error, isDisposed: true });
  }
}

/** What the responder said, unless Nest would take that for no error at all. */
function said(body: unknown, error: RequestError): unknown {
  return body ? body : error;
}

/** With a deserializer: one reply after another, also where one takes its time. A reply without `x-reply` is the last where it says so. */
export class DeserializedRequest extends RunningRequest {
  override readonly takes = 'until-aborted';
  private reading: Promise<unknown> = Promise.resolve();

  constructor(
    callback: Callback,
    private readonly deserializer: Deserializer,
  ) {
    super(callback);
  }

  override next(message: ReceivedMessage): void {
    this.read(message.body, message, (answer) => answer);
  }

  override complete(): void {
    this.reading = this.reading.then(() => {
      if (!this.isCancelled) super.complete();
    });
  }

  override error(error: unknown): void {
    // An error it stays, also where its body is none of the envelope's.
    if (error instanceof RequestError)
      this.read(error.body, undefined, ({ err, response }) => ({
        err: said(err ?? response ?? error.body, error),
        isDisposed: true,
      }));
    else super.error(error);
  }

  private read(body: unknown, message: ReceivedMessage | undefined, meant: (answer: WritePacket) => WritePacket): void {
    this.reading = this.reading
      .then(async () => {
        // true: as Nest's answer
        const answer = meant((await this.deserializer.deserialize(body, { message })) as WritePacket);
        if (this.isCancelled) return;
        this.callback(answer);
        if (answer.isDisposed === true) this.cancel();
      })
      .catch((error: unknown) => super.error(error));
  }
}
