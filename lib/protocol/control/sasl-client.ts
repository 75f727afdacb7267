// SASL of a client (section 5.3), before rhea sees anything. Exactly one mechanism is answered with; nothing else is tried.

import { saslRefused } from '../amqp-error.js';
import type { SaslMechanism } from '../connection.js';
import { AmqpError, AuthenticationError, ConnectionError } from '../errors.js';
import { FramingError } from '../frames/framing-error.js';
import type { FrameSink } from '../frames/framer.js';
import type { Secrets } from '../secrets.js';
import { decodeSaslFrame, encodeSaslFrame, type SaslFrame } from '../frames/sasl-frames.js';

export const SASL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0]);
const SASL_FRAME = 1;
const SASL_PROTOCOL = 3;
/** No mechanism in use needs more; a peer that goes on for ever would hold the connect time-out. */
const MAX_CHALLENGES = 16;
const MAX_LISTED = 200;

type Phase = 'header' | 'mechanisms' | 'outcome' | 'done';

/** One negotiation. `finished` settles with it; whoever gives up first rejects on its own. */
export class SaslClient implements FrameSink {
  readonly finished: Promise<void>;

  private phase: Phase = 'header';
  private chosen = '';
  private challenges = 0;
  private isBusy = false;
  private resolve: () => void = () => undefined;
  private reject: (error: Error) => void = () => undefined;

  constructor(
    private readonly mechanism: SaslMechanism,
    private readonly hostname: string | undefined,
    private readonly write: (bytes: Buffer) => void,
    private readonly secrets: Secrets,
    /** Called before the next frame is reported: what comes from now on is no SASL. */
    private readonly onConcluded: () => void = () => undefined,
  ) {
    this.finished = new Promise<void>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  start(): void {
    this.write(SASL_HEADER);
  }

  header(bytes: Buffer): void {
    // Artemis goes on with its AMQP header right behind a refusal: the refusal is what counts.
    if (this.phase === 'done') return;
    if (this.phase !== 'header') throw new FramingError('a protocol header inside SASL');
    if (bytes[4] !== SASL_PROTOCOL) {
      this.fail(
        AmqpError.inOwnWords(
          new AuthenticationError('the peer has no SASL layer: it answered with another protocol header', undefined),
        ),
      );
      return;
    }
    this.phase = 'mechanisms';
  }

  frame(buffer: Buffer, start: number, size: number, bodyStart: number): void {
    if (this.phase === 'done') return;
    if (this.phase === 'header' || buffer[start + 5] !== SASL_FRAME)
      throw new FramingError('a frame that is not of SASL, where SASL was expected');
    if (bodyStart === start + size) throw new FramingError('an empty frame inside SASL');
    this.receive(decodeSaslFrame(buffer, bodyStart, start + size));
  }

  private receive(frame: SaslFrame): void {
    if (this.isBusy) throw new FramingError('a SASL frame out of turn');
    switch (frame.kind) {
      case 'sasl-mechanisms':
        if (this.phase !== 'mechanisms') throw new FramingError('a second list of SASL mechanisms');
        return this.choose(frame.mechanisms);
      case 'sasl-challenge':
        return this.answer(frame.challenge);
      case 'sasl-outcome':
        if (this.phase !== 'outcome') throw new FramingError('a SASL outcome before there was anything to judge');
        return this.conclude(frame.code, frame.additionalData);
      case 'sasl-init':
      case 'sasl-response':
        throw new FramingError('a SASL frame that only a client sends');
    }
  }

  private choose(offered: readonly string[]): void {
    const { name, alternatives = [] } = this.mechanism;
    const chosen = [name, ...alternatives].find((candidate) => offered.includes(candidate));
    if (chosen === undefined) {
      const list = this.secrets.masked(offered.join(', ')).slice(0, MAX_LISTED);
      this.fail(
        AmqpError.inOwnWords(
          new AuthenticationError(`the credentials need SASL ${name}; the peer offers ${list || 'nothing'}`, undefined),
        ),
      );
      return;
    }
    this.chosen = chosen;
    this.phase = 'outcome';
    this.ask(
      () => this.mechanism.initialResponse(chosen),
      (initialResponse) => ({ kind: 'sasl-init', mechanism: chosen, initialResponse, hostname: this.hostname }),
    );
  }

  private answer(challenge: Buffer): void {
    if (this.phase !== 'outcome') throw new FramingError('a SASL challenge before a mechanism was chosen');
    if (++this.challenges > MAX_CHALLENGES) {
      this.fail(
        AmqpError.inOwnWords(
          new AuthenticationError(`the peer did not come to an end after ${MAX_CHALLENGES} challenges`, undefined),
        ),
      );
      return;
    }
    this.ask(
      () => this.mechanism.step(challenge),
      (response) => ({ kind: 'sasl-response', response }),
    );
  }

  private conclude(code: number, additionalData: Buffer | undefined): void {
    if (code !== 0) {
      this.fail(saslRefused(code, this.chosen));
      return;
    }
    this.onConcluded();
    // The last word of a mechanism in which the peer proves itself too (SCRAM) may come with the outcome.
    const last = this.challenges > 0 && additionalData !== undefined && additionalData.length > 0;
    this.ask(
      async () => {
        if (last) await this.mechanism.step(additionalData);
        this.mechanism.concluded?.();
      },
      () => undefined,
    );
  }

  /** Asks the mechanism, which may take its time, and writes what comes of it; without a frame to write SASL is over. */
  private ask<T>(question: () => T | Promise<T>, frameOf: (answer: T) => SaslFrame | undefined): void {
    this.isBusy = true;
    const settle = (answer: T): void => {
      this.isBusy = false;
      if (this.phase === 'done') return;
      const frame = frameOf(answer);
      if (frame === undefined) this.succeed();
      else this.write(encodeSaslFrame(frame));
    };
    Promise.resolve()
      .then(question)
      .then(settle)
      .catch((cause: unknown) => {
        const error =
          cause instanceof AuthenticationError || cause instanceof ConnectionError
            ? cause
            : new AuthenticationError(`SASL ${this.mechanism.name} failed on our side`, undefined, { cause });
        this.fail(error);
      });
  }

  private succeed(): void {
    this.phase = 'done';
    this.resolve();
  }

  private fail(error: Error): void {
    this.phase = 'done';
    this.reject(error);
  }
}
