// Dead letters going back: dead-letter link -> filter -> copy -> send -> confirmed -> the original accepted.

import { randomUUID } from 'node:crypto';
import { AmqpError, DecodeError, InvalidOptionsError } from '../../protocol/index.js';
import type { Target } from '../address/address.js';
import { checkTarget } from '../address/check-address.js';
import type { Closable } from '../client-context.js';
import { asError } from '../deadline.js';
import { ClientClosedError, SendError } from '../errors.js';
import type { IncomingMessage } from '../message/incoming-message.js';
import type { MessagingContext } from '../messaging-context.js';
import { SendClient } from '../send/send-client.js';
import { resolveSendClientOptions } from '../send/send-client-options.js';
import { DeadLetterLink, type HeldLetter } from './dead-letter-link.js';
import { isReadable, originOf, REDRIVEN, revived } from './dead-letter.js';
import type { ResolvedRedriveOptions } from './redrive-options.js';

/** Moved at a time. */
const BATCH = 100;
/** Dead letters may come from many queues; the links to them stay few. */
const MAX_SENDERS = 16;
/** Failures with a log line of their own. */
const LOGGED_FAILURES = 10;
const CLOSE_TIMEOUT_MS = 5_000;

/** One call of `connection.redrive`. */
export class Redrive implements Closable {
  readonly closesFirst = true;
  readonly #context: MessagingContext;
  readonly #options: ResolvedRedriveOptions;
  readonly #id = randomUUID();
  readonly #link: DeadLetterLink;
  readonly #senders = new Map<string, SendClient>();
  /** Targets that cannot be had, and why: the others do not wait for them. */
  readonly #unreachable = new Map<string, unknown>();
  #moved = 0;
  #failures = 0;
  #firstFailure: unknown = undefined;
  #running: Promise<number> | undefined = undefined;

  constructor(context: MessagingContext, options: ResolvedRedriveOptions, maxMessageBytes: number) {
    this.#context = context;
    this.#options = options;
    this.#link = new DeadLetterLink(context, options.from, maxMessageBytes);
  }

  /** Once. Resolves to how many were moved. */
  run(): Promise<number> {
    this.#context.register(this);
    this.#running ??= this.#run();
    return this.#running;
  }

  /** Ends the run, which then rejects. Never rejects itself. */
  async close(): Promise<void> {
    this.#link.end(
      new ClientClosedError(`the redrive of "${this.#link.address}" was ended: the connection was closed`),
    );
    await this.#running?.catch(() => undefined); // its caller is told
  }

  async #run(): Promise<number> {
    const { max } = this.#options;
    const { address } = this.#link;
    try {
      await this.#link.open();
      while (this.#moved < max) {
        const letters = await this.#link.fetch(Math.min(BATCH, max - this.#moved));
        if (letters.length === 0) break;
        await this.#moveAll(letters);
      }
      this.#link.signal.throwIfAborted();
    } catch (error) {
      this.#context.logger.warn(`the redrive of "${address}" ended early, ${this.#moved} were moved`);
      throw error;
    } finally {
      await Promise.all([this.#closeSenders(0), this.#link.close(CLOSE_TIMEOUT_MS)]);
      this.#context.unregister(this);
    }
    if (this.#moved === 0 && this.#failures > 0) throw this.#firstFailure;
    if (this.#failures > 0)
      this.#context.logger.warn(`${this.#failures} dead letters stay in "${address}", ${this.#moved} were moved`);
    return this.#moved;
  }

  /** @throws what the filter throws */
  async #moveAll(letters: readonly HeldLetter[]): Promise<void> {
    const wanted = letters.filter(({ message }) => this.#wants(message)).slice(0, this.#options.max - this.#moved);
    await Promise.all(wanted.map((letter) => this.#move(letter)));
    // Nothing is on its way now.
    if (this.#senders.size > MAX_SENDERS) await this.#closeSenders(CLOSE_TIMEOUT_MS);
  }

  #wants(message: IncomingMessage): boolean {
    // It was moved in this run and died again, or it was sent to where it came from.
    if (message.messageAnnotations?.[REDRIVEN] === this.#id) return false;
    if (!isReadable(message)) {
      this.#failed(message, message.failure?.error);
      return false;
    }
    const verdict: unknown = this.#options.filter(message);
    if (typeof verdict !== 'boolean')
      throw new InvalidOptionsError('filter', 'a function that returns true or false', verdict, 'secret');
    return verdict && !message.settled;
  }

  /** The peer has the copy before the original goes. Never rejects. */
  async #move({ message, delivery }: HeldLetter): Promise<void> {
    try {
      const target = this.#options.to ?? this.#origin(message);
      const key = JSON.stringify(target);
      if (this.#unreachable.has(key)) throw this.#unreachable.get(key);
      await this.#send(target, key, message);
    } catch (error) {
      // The end of the link is told once, not for each message.
      if (!this.#link.signal.aborted) this.#failed(message, error);
      return;
    }
    // A stale one comes again, and is moved in another run.
    if (this.#link.accept(delivery) === 'settled') this.#moved++;
  }

  #origin(message: IncomingMessage): Target {
    const origin = originOf(message);
    if (origin !== undefined) return origin;
    throw new InvalidOptionsError('to', 'given: nothing on the dead letter says which queue it came from', undefined);
  }

  async #send(target: Target, key: string, message: IncomingMessage): Promise<void> {
    let sender = this.#senders.get(key);
    if (sender === undefined) {
      // Closed here, not by the connection.
      const context = { ...this.#context, register: () => undefined, unregister: () => undefined };
      const options = resolveSendClientOptions({ whenFull: 'wait', onConnectionLost: 'fail' });
      sender = new SendClient(context, checkTarget(target, 'to'), {
        ...options,
        role: 'redrive',
        isNamedByMessage: this.#options.to === undefined,
      });
      this.#senders.set(key, sender);
    }
    try {
      await sender.send(revived(message, this.#id, this.#context.links), {
        mandatory: true,
        signal: this.#link.signal,
      });
    } catch (error) {
      const isGone = error instanceof SendError && (error.code === 'link-closed' || error.code === 'timeout');
      if (isGone) this.#unreachable.set(key, error);
      throw error;
    }
  }

  #failed(message: IncomingMessage, error: unknown): void {
    if (this.#failures++ === 0)
      this.#firstFailure = error ?? AmqpError.inOwnWords(new DecodeError('a dead letter cannot be read'));
    if (this.#failures > LOGGED_FAILURES) return;
    const id = message.properties?.messageId;
    const name = id === undefined ? 'a dead letter without an id' : `the dead letter ${String(id)}`;
    this.#context.logger.warn(`${name} stays in "${this.#link.address}": ${asError(error).message}`);
  }

  async #closeSenders(timeoutMs: number): Promise<void> {
    const senders = [...this.#senders.values()];
    this.#senders.clear();
    await Promise.all(senders.map((sender) => sender.close({ timeoutMs })));
  }
}
