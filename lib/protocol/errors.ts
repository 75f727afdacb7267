import { redirectOf, type RedirectTarget } from './redirect.js';

const BRAND = Symbol.for('nestjs-amqp10:error');
/** On those that we made: the message. */
const OWN_WORDS = Symbol.for('nestjs-amqp10:own-words');

/** What a failure put an end to: everything on the connection, on the session, one link, or one message alone. */
export type ErrorScope = 'connection' | 'session' | 'link' | 'message';

/** Optional facts about a failure. */
export interface AmqpErrorFacts {
  readonly retryable?: boolean;
  readonly scope?: ErrorScope | undefined;
  /** The AMQP error condition the peer gave, for example `amqp:not-found`. */
  readonly condition?: string | undefined;
  /** The peer's words beside the condition. */
  readonly description?: string | undefined;
  /** What the peer's error carried beside them. */
  readonly info?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** What every error of this package extends. `instanceof` holds across its ESM and CommonJS copies, and across versions. */
export class AmqpError extends Error {
  // No private or #private member in a branded class: it would make the two copies' types nominally different.
  /** @internal */
  static readonly [BRAND]: string = 'AmqpError';

  /** Stable; switch on it. */
  readonly code: string;
  /** Whether the same call may succeed later without any change by the caller. */
  readonly retryable: boolean;
  /** What it put an end to; `undefined`: nothing but the call that failed. */
  readonly scope: ErrorScope | undefined;
  readonly condition: string | undefined;
  /** The peer's words beside the condition; also part of the message. */
  readonly description: string | undefined;
  /** What the peer's error carried beside them. */
  readonly info: Readonly<Record<string, unknown>> | undefined;

  constructor(code: string, message: string, facts: AmqpErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = facts.retryable ?? false;
    this.scope = facts.scope;
    this.condition = facts.condition;
    this.description = facts.description;
    this.info = facts.info;
  }

  /**
   * @internal Marks the message as one that we wrote, without a body and without a secret. By whom an error of a public class was made cannot
   * be seen otherwise; one whose message is another by then is no longer marked.
   */
  static inOwnWords<T extends AmqpError>(error: T): T {
    return Object.defineProperty(error, OWN_WORDS, { value: error.message });
  }

  /** @internal The same for one whose message repeats that of `cause`, where that is marked. */
  static inWordsOf<T extends AmqpError>(cause: unknown, error: T): T {
    return AmqpError.hasOwnWords(cause) ? AmqpError.inOwnWords(error) : error;
  }

  /** @internal Whether its message may stand where no body and no secret may. Not that of an error that somebody else made, whatever its class. */
  static hasOwnWords(error: unknown): error is AmqpError {
    return error instanceof AmqpError && Reflect.get(error, OWN_WORDS) === error.message;
  }

  /** Compares brands along the value's prototype chain; a class without a brand of its own is compared as usual. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (!Object.hasOwn(this, BRAND)) return Function.prototype[Symbol.hasInstance].call(this, value);
    if (typeof value !== 'object' || value === null) return false;
    for (
      let proto: unknown = Object.getPrototypeOf(value);
      typeof proto === 'object' && proto !== null;
      proto = Object.getPrototypeOf(proto)
    ) {
      const owner: unknown = Object.getOwnPropertyDescriptor(proto, 'constructor')?.value;
      if (typeof owner === 'function' && Object.hasOwn(owner, BRAND) && Reflect.get(owner, BRAND) === this[BRAND])
        return true;
    }
    return false;
  }
}

/** The connection could not be opened or was lost. */
export class ConnectionError extends AmqpError {
  /** @internal */
  static override readonly [BRAND]: string = 'ConnectionError';

  /** @param code `connect-failed`, `connect-timeout`, `connection-lost`, `protocol-error`, `tls`, `proxy`, `blocked` */
  constructor(code: string, message: string, facts: AmqpErrorFacts = {}) {
    super(code, message, { retryable: true, scope: 'connection', ...facts });
  }
}

/** The peer says that its container lives elsewhere (`amqp:connection:redirect`, section 2.8.16), and closed the connection. */
export class ConnectionRedirectError extends ConnectionError {
  /** @internal */
  static override readonly [BRAND]: string = 'ConnectionRedirectError';

  /** Where to, as far as the peer said it. */
  readonly redirect: RedirectTarget;

  /** @param facts with `info`: the redirect's fields as the peer sent them */
  constructor(message: string, facts: AmqpErrorFacts = {}) {
    super('redirect', message, { ...facts, retryable: false });
    this.redirect = redirectOf(facts.info);
  }
}

/** What an {@link AuthenticationError} may know besides. */
export interface AuthenticationFacts extends AmqpErrorFacts {
  /** What the peer's node for tokens answered, counted as in HTTP: 401, 404 ... */
  readonly statusCode?: number | undefined;
}

/** The peer refused the credentials or a token, or offers no mechanism that can carry them. */
export class AuthenticationError extends AmqpError {
  /** @internal */
  static override readonly [BRAND]: string = 'AuthenticationError';

  /** The answer to a token (CBS), counted as in HTTP; `undefined` when SASL or something else failed. */
  readonly statusCode: number | undefined;

  /** @param saslCode the SASL outcome: 1 auth, 2 sys, 3 sys-perm, 4 sys-temp (section 5.3.3.6); `undefined` when it never came so far */
  constructor(
    message: string,
    readonly saslCode: number | undefined,
    facts: AuthenticationFacts = {},
  ) {
    super('authentication', message, { retryable: saslCode === 4, scope: 'connection', ...facts });
    this.statusCode = facts.statusCode;
  }
}

/** A link could not be attached, or was ended by the peer. */
export class LinkError extends AmqpError {
  /** @internal */
  static override readonly [BRAND]: string = 'LinkError';

  constructor(
    message: string,
    readonly address: string,
    readonly linkName: string,
    facts: AmqpErrorFacts = {},
    code = 'attach-refused',
  ) {
    super(code, message, { retryable: true, scope: 'link', ...facts });
  }
}

/** The link was attached and then detached by the peer, or went down with its session or connection. */
export class LinkDetachedError extends LinkError {
  /** @internal */
  static override readonly [BRAND]: string = 'LinkDetachedError';

  constructor(message: string, address: string, linkName: string, facts: AmqpErrorFacts = {}) {
    super(message, address, linkName, facts, 'detached');
  }
}

/** The peer says that the node lives elsewhere (`amqp:link:redirect`, section 2.8.17). */
export class LinkRedirectError extends LinkError {
  /** @internal */
  static override readonly [BRAND]: string = 'LinkRedirectError';

  /** Where to, as far as the peer said it. */
  readonly redirect: RedirectTarget;

  /** @param info the redirect's fields as the peer sent them: `hostname`, `network-host`, `port`, `address` */
  constructor(
    message: string,
    address: string,
    linkName: string,
    override readonly info: Readonly<Record<string, unknown>>,
    facts: AmqpErrorFacts = {},
  ) {
    super(message, address, linkName, { retryable: false, ...facts }, 'redirect');
    this.redirect = redirectOf(info);
  }
}

/** Another container attached a link of the same name (`amqp:link:stolen`). */
export class LinkStolenError extends LinkError {
  /** @internal */
  static override readonly [BRAND]: string = 'LinkStolenError';

  constructor(message: string, address: string, linkName: string, facts: AmqpErrorFacts = {}) {
    super(message, address, linkName, { retryable: false, ...facts }, 'stolen');
  }
}

/** A received message cannot be read. `code` is `decode`, or `message-too-large` for one over the receiver's limit. */
export class DecodeError extends AmqpError {
  /** @internal */
  static override readonly [BRAND]: string = 'DecodeError';

  constructor(message: string, facts: AmqpErrorFacts = {}, code = 'decode') {
    super(code, message, { scope: 'message', ...facts });
  }
}

/** Inside the protocol layer and up to the send client, which makes an `EncodeError` of it: a value has no form in AMQP. */
export class EncodingFailure extends Error {
  override readonly name = 'EncodingFailure';

  /**
   * @param reason what is wrong with the value; never the value itself
   * @param path where it stands, for example `applicationProperties.total` or `body.lines[3]`; empty: the value as a whole
   */
  constructor(
    readonly reason: string,
    readonly path = '',
    options?: ErrorOptions,
  ) {
    super(path === '' ? reason : `${path}: ${reason}`, options);
  }
}

/** Inside the protocol layer and up to the send client, which makes a `MessageTooLargeError` of it. */
export class SizeFailure extends Error {
  override readonly name = 'SizeFailure';
  constructor(
    readonly bytes: number,
    readonly limit: number,
  ) {
    super(`the message has ${bytes} bytes, the peer's limit is ${limit}`);
  }
}

/** An AMQP error as a peer states it (section 2.8.14). */
export interface PeerError {
  readonly condition: string;
  readonly description?: string | undefined;
  readonly info?: Record<string, unknown> | undefined;
}
