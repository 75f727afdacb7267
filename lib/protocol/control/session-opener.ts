// Begins sessions: rhea's promise underneath, our signal and limit above.

import { protocolError, sessionEnded } from '../amqp-error.js';
import type { ProtocolSession } from '../connection.js';
import { AmqpError } from '../errors.js';
import type { Plane } from '../session/plane.js';
import { ControlSession } from './control-session.js';
import type { FrameExchange } from './frame-exchange.js';
import type { RheaConnection } from './rhea.js';

export interface SessionOpenerOptions {
  readonly plane: Plane;
  readonly rhea: RheaConnection;
  readonly exchange: FrameExchange;
  /** Sessions that both sides allow. */
  readonly limit: () => number;
  /** Why the connection takes no more sessions; `undefined` while it does. */
  readonly failure: () => AmqpError | undefined;
}

interface Begin {
  /** The channel, once BEGIN was written. */
  readonly written: Promise<number>;
  readonly session: Promise<ProtocolSession>;
}

export class SessionOpener {
  /** BEGINs are written one after the other, so that each is known to be the one that was asked for; their answers may cross. */
  private lastBegin: Promise<unknown> = Promise.resolve();
  private onBeginSent: (channel: number) => void = () => undefined;
  private names = 0;

  constructor(private readonly options: SessionOpenerOptions) {}

  async begin(signal: AbortSignal): Promise<ProtocolSession> {
    const begun = this.lastBegin.then(() => this.start(signal));
    this.lastBegin = begun.then(({ written }) => written).catch(() => undefined); // the next one may begin all the same
    const { session } = await begun;
    return session;
  }

  /** rhea wrote BEGIN on this channel. */
  beginSent(channel: number): void {
    this.onBeginSent(channel);
  }

  /** The connection is over: nobody waits for a BEGIN any more. */
  stop(): void {
    this.onBeginSent(-1);
  }

  private start(signal: AbortSignal): Begin {
    signal.throwIfAborted();
    const { plane, limit, failure } = this.options;
    const over = failure();
    if (over !== undefined) throw over;
    if (plane.sessionCount >= limit())
      throw AmqpError.inOwnWords(
        new AmqpError('session-limit', `the peer allows ${limit()} sessions on a connection`, { retryable: true }),
      );
    const written = new Promise<number>((resolve) => {
      this.onBeginSent = resolve;
    });
    const session = this.awaitSession(signal, written);
    session.catch(() => undefined); // awaited by the caller, one promise further
    return { written, session };
  }

  private async awaitSession(signal: AbortSignal, written: Promise<number>): Promise<ProtocolSession> {
    const { plane, rhea, exchange, failure } = this.options;
    const abort = new AbortController();
    const onAbort = (): void => abort.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const rheaSession = await rhea.createSession({ abortSignal: abort.signal });
      const session = plane.sessionByLocalChannel(await written);
      if (session === undefined || !session.isOpen) throw failure() ?? sessionEnded(undefined);
      return new ControlSession(session, rheaSession, exchange, () => `link-${this.names++}`);
    } catch (error) {
      signal.throwIfAborted();
      throw (
        failure() ?? (error instanceof AmqpError ? error : protocolError('no session could be begun', undefined, error))
      );
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
