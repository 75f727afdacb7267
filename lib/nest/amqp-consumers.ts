import { Injectable } from '@nestjs/common';

import { InvalidOptionsError, type Subscription } from '../client/index.js';

/**
 * The consumers of this application by name: `Class.method`, or the decorator's `name`. Known from `onApplicationBootstrap` on; those
 * of a connection with `registerHandlers: false` are not among them.
 */
@Injectable()
export class AmqpConsumers {
  private readonly consumers = new Map<string, Subscription>();
  private readonly disabled = new Set<string>();

  /**
   * One consumer, to pause, resume or close it.
   * @throws InvalidOptionsError when there is none of that name
   */
  get(name: string): Subscription {
    const consumer = this.consumers.get(name);
    if (consumer !== undefined) return consumer;
    const known = [...this.consumers.keys()].join(', ') || 'none before onApplicationBootstrap';
    throw new InvalidOptionsError('consumer', this.disabled.has(name) ? 'enabled' : `one of: ${known}`, name);
  }

  /** Every consumer by name. */
  all(): ReadonlyMap<string, Subscription> {
    return this.consumers;
  }

  /** Starts one that has `autoStart: false`, or resumes a paused one; resolves when it is attached. */
  async start(name: string): Promise<void> {
    await this.get(name).resume();
  }

  /** @internal */
  add(name: string, consumer: Subscription): void {
    this.consumers.set(name, consumer);
  }

  /** @internal */
  addDisabled(name: string): void {
    this.disabled.add(name);
  }
}
