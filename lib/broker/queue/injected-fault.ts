// Faults on purpose, so that users can try their own error policies.

import type { PeerError } from '../../protocol/acceptor/index.js';

/** A fault for one queue of the embedded broker. */
export interface InjectedFault {
  /**
   * `reject` and `release` are the answer to a message that is sent to the queue, which does not store it. `detach` (with the error) and
   * `drop-connection` (without a word) hit the link or connection of the next delivery or transfer. `no-credit` takes the credit of
   * every sender on the queue back and gives none until `clearFaults()`.
   */
  readonly kind: 'reject' | 'release' | 'no-credit' | 'detach' | 'drop-connection';
  /**
   * How often it strikes; without effect for `no-credit`. Range: 1 and more, `Infinity` allowed.
   *
   * @default 1
   */
  readonly times?: number | undefined;
  /**
   * Messages (transfers; for `detach` and `drop-connection` also deliveries) that pass first.
   *
   * @default 0
   */
  readonly after?: number | undefined;
  /** @default `amqp:internal-error` */
  readonly condition?: string | undefined;
  readonly description?: string | undefined;
  /**
   * `detach` only: the error's info map. With the condition `amqp:link:redirect` it says where to: `hostname`, `network-host`, `port`,
   * `address`.
   */
  readonly info?: Readonly<Record<string, unknown>> | undefined;
}

interface ArmedFault {
  readonly fault: InjectedFault;
  timesLeft: number;
  passLeft: number;
}

/** The faults of one queue. Each counts from its own `inject`; of several that are due, the older one strikes. */
export class FaultList {
  #armed: ArmedFault[] = [];

  /** Whether senders have to do without credit. */
  get withholdsCredit(): boolean {
    return this.#armed.some((armed) => armed.fault.kind === 'no-credit' && armed.passLeft === 0);
  }

  inject(fault: InjectedFault): void {
    this.#armed.push({ fault, timesLeft: fault.times ?? 1, passLeft: fault.after ?? 0 });
  }

  clear(): void {
    this.#armed = [];
  }

  /** A message arrives from a sender: the fault that strikes it, if any. */
  onTransfer(): InjectedFault | undefined {
    return this.#strike(() => true);
  }

  /** A message is about to be delivered. */
  onDelivery(): InjectedFault | undefined {
    return this.#strike(({ fault }) => fault.kind === 'detach' || fault.kind === 'drop-connection');
  }

  #strike(concerns: (armed: ArmedFault) => boolean): InjectedFault | undefined {
    if (this.#armed.length === 0) return undefined;
    let striking: ArmedFault | undefined;
    for (const armed of this.#armed) {
      if (!concerns(armed)) continue;
      if (armed.passLeft > 0) armed.passLeft -= 1;
      else if (armed.fault.kind !== 'no-credit') striking ??= armed;
    }
    if (striking === undefined) return undefined;
    striking.timesLeft -= 1;
    if (striking.timesLeft <= 0) this.#armed = this.#armed.filter((armed) => armed !== striking);
    return striking.fault;
  }
}

/** What a link that a fault hits is ended with. */
export function errorOf({ condition, description, info }: InjectedFault): PeerError {
  return {
    condition: condition ?? 'amqp:internal-error',
    description: description ?? 'injected fault',
    ...(info === undefined ? {} : { info: { ...info } }),
  };
}
