// The server's side of SASL (section 5.3): headers, mechanisms, one attempt, outcome. Knows nothing of sockets.

import { FramingError } from '../frames/framing-error.js';
import { decodeSaslFrame, encodeSaslFrame } from '../frames/sasl-frames.js';
import type { ServerSaslMechanism } from './acceptor.js';

export const AMQP_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 1, 0, 0]);
export const SASL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0]);

const OK = 0;
const REFUSED = 1;
/** The user's own function failed: nobody can say whether the credentials are right. */
const SYSTEM_ERROR = 4;
const NO_BYTES = Buffer.alloc(0);

export interface HandshakeOptions {
  readonly mechanisms: readonly ServerSaslMechanism[];
  readonly identityWithout: string | undefined;
  readonly write: (bytes: Buffer) => void;
  /** The peer may go on with its AMQP header; what it sent meanwhile can be handed in now. */
  readonly done: (identity: string) => void;
  /** The stream is to be ended; what was written still goes out. */
  readonly failed: (reason: string) => void;
}

type Phase =
  | { readonly name: 'header' }
  | { readonly name: 'init' }
  | { readonly name: 'response'; readonly mechanism: ServerSaslMechanism }
  /** Waits for the mechanism: frames that come now must be kept back. */
  | { readonly name: 'authenticating' }
  | { readonly name: 'over' };

export class Handshake {
  #phase: Phase = { name: 'header' };
  #isSkipped = false;

  constructor(private readonly options: HandshakeOptions) {}

  get isAuthenticating(): boolean {
    return this.#phase.name === 'authenticating';
  }

  /** The peer opened without a SASL layer. */
  get isSkipped(): boolean {
    return this.#isSkipped;
  }

  /** @throws {FramingError} a second one */
  header(bytes: Buffer): void {
    if (this.#phase.name !== 'header') throw new FramingError('a protocol header in the middle of SASL');
    const { mechanisms, identityWithout, write, done } = this.options;
    if (bytes.equals(SASL_HEADER)) {
      this.#phase = { name: 'init' };
      write(SASL_HEADER);
      write(encodeSaslFrame({ kind: 'sasl-mechanisms', mechanisms: mechanisms.map(({ name }) => name) }));
    } else if (bytes.equals(AMQP_HEADER) && identityWithout !== undefined) {
      this.#phase = { name: 'over' };
      this.#isSkipped = true;
      done(identityWithout);
    } else {
      // Section 2.2: answer with the header that would have been right, then end.
      write(SASL_HEADER);
      this.#fail('the peer asked for a protocol that is not spoken here');
    }
  }

  /** @throws {FramingError} it cannot be read, or comes out of turn */
  frame(buffer: Buffer, bodyStart: number, end: number): void {
    const frame = decodeSaslFrame(buffer, bodyStart, end);
    const phase = this.#phase;
    if (frame.kind === 'sasl-init' && phase.name === 'init') {
      const mechanism = this.options.mechanisms.find(({ name }) => name === frame.mechanism);
      if (mechanism === undefined) {
        this.#conclude(REFUSED, undefined);
      } else if (frame.initialResponse === undefined && mechanism.needsResponse) {
        this.#phase = { name: 'response', mechanism };
        this.options.write(encodeSaslFrame({ kind: 'sasl-challenge', challenge: NO_BYTES }));
      } else {
        this.#authenticate(mechanism, frame.initialResponse);
      }
    } else if (frame.kind === 'sasl-response' && phase.name === 'response') {
      this.#authenticate(phase.mechanism, frame.response);
    } else {
      throw new FramingError(`${frame.kind} out of turn`, 'amqp:not-allowed');
    }
  }

  #authenticate(mechanism: ServerSaslMechanism, response: Buffer | undefined): void {
    this.#phase = { name: 'authenticating' };
    void this.#ask(mechanism, response).then(
      (found) => this.#conclude(found === undefined ? REFUSED : OK, found?.identity),
      () => this.#conclude(SYSTEM_ERROR, undefined),
    );
  }

  async #ask(mechanism: ServerSaslMechanism, response: Buffer | undefined): Promise<{ identity: string } | undefined> {
    return await mechanism.authenticate(response);
  }

  #conclude(code: number, identity: string | undefined): void {
    if (this.#phase.name === 'over') return;
    this.#phase = { name: 'over' };
    this.options.write(encodeSaslFrame({ kind: 'sasl-outcome', code }));
    if (identity === undefined) this.options.failed('the credentials were refused');
    else this.options.done(identity);
  }

  #fail(reason: string): void {
    this.#phase = { name: 'over' };
    this.options.failed(reason);
  }
}
