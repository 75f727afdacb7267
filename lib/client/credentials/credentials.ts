// What a user gives to prove who the program is. Secrets live in closures, never in fields that an inspection would print.

import type { SaslMechanism } from '../../protocol/index.js';
import type { TokenSource } from './token-source.js';

/** Made by {@link saslPlain} and its siblings. */
export interface Credentials {
  /** The one SASL mechanism that is offered. */
  readonly mechanism: string;
  /** Who it says the program is, where that is a name that the peer compares with a message's `userId`. */
  readonly user?: string | undefined;
  /** Whether something secret goes over the wire; then TLS or loopback is asked for. */
  readonly isSecret: boolean;
  /**
   * A fresh exchange for one attempt; asks the provider function, if there is one, again.
   *
   * @param confide is told each secret before it goes out, so that no error or log line shows it when the peer repeats it
   */
  start(confide?: (secret: string) => void): SaslMechanism;
  /** Tokens that are put after OPEN (claims-based security): those of `sasToken()` and `jwtToken()`. */
  readonly tokens?: TokenSource | undefined;
}

/** A secret, or a function that is asked for it at each attempt to connect. */
export type SecretProvider = string | (() => string | Promise<string>);
