// A connection without send and receive clients, and a link owner that writes down what it is told.

import { ConnectionCore } from '../../../lib/client/connection/connection-core.js';
import type { Network } from '../../../lib/client/connection/network.js';
import type { StatusEvent } from '../../../lib/client/connection/status.js';
import type { LinkOwner, SupervisedLink } from '../../../lib/client/link/link-owner.js';
import type { ConnectionOptions } from '../../../lib/client/options/connection-options.js';
import { resolveConnectionOptions } from '../../../lib/client/options/resolve-connection-options.js';
import {
  dial,
  openConnection,
  type AmqpError,
  type ProtocolSession,
  type SenderLink,
} from '../../../lib/protocol/index.js';

export const NETWORK: Network = { dial, openConnection };

export interface TestConnection {
  readonly core: ConnectionCore;
  readonly statuses: StatusEvent[];
  readonly logged: string[];
}

/** Short delays, and a log that the test can read. */
export function connection(
  options: ConnectionOptions,
  network: Network = NETWORK,
  random: () => number = () => 0.5,
): TestConnection {
  const statuses: StatusEvent[] = [];
  const logged: string[] = [];
  const write = (message: string): void => void logged.push(message);
  const resolved = resolveConnectionOptions({
    bootTimeoutMs: 3_000,
    closeTimeoutMs: 1_000,
    reconnect: { initialDelayMs: 4, maxDelayMs: 50 },
    logger: { log: write, warn: write, error: write },
    ...options,
  });
  return { core: new ConnectionCore(resolved, network, (event) => statuses.push(event), random), statuses, logged };
}

/** Sends to one queue, and remembers everything. */
export class ProbeOwner implements LinkOwner<SenderLink> {
  readonly role = 'send';
  readonly told: string[] = [];
  readonly errors: AmqpError[] = [];
  readonly links: SenderLink[] = [];
  readonly handle: SupervisedLink;

  constructor(
    core: ConnectionCore,
    readonly address: string,
    readonly session: 'shared' | 'alone' | 'replies' = 'shared',
  ) {
    this.handle = core.links.supervise(this);
  }

  attach(session: ProtocolSession, _profile: unknown, signal: AbortSignal): Promise<SenderLink> {
    return session.attachSender({
      name: `probe-${this.address}-${this.links.length}`,
      source: {},
      target: { address: this.address },
      settleMode: 'unsettled',
      signal,
      onClosed: (error) => this.handle.closed(error),
      onSendable: () => undefined,
    });
  }

  attached(link: SenderLink): void {
    this.links.push(link);
    this.told.push('attached');
  }

  lost(error: AmqpError): void {
    this.errors.push(error);
    this.told.push('lost');
  }

  failed(error: AmqpError): void {
    this.errors.push(error);
    this.told.push('failed');
  }
}
