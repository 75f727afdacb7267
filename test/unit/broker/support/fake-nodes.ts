import { MessageContent } from '../../../../lib/broker/message/message-content.js';
import { Nodes } from '../../../../lib/broker/nodes/nodes.js';
import { Router } from '../../../../lib/broker/nodes/router.js';
import type { Queue } from '../../../../lib/broker/queue/queue.js';
import { DEFAULT_QUEUE, type QueueSettings } from '../../../../lib/broker/queue/queue-settings.js';
import { type AmqpMessage, encodeMessage } from '../../../../lib/protocol/acceptor/index.js';
import { FakeClock } from './fake-clock.js';

/** Queues and exchanges with a clock of their own, and no network. */
export class FakeBroker {
  readonly clock = new FakeClock();
  readonly #timetable = this.clock.timetable();
  readonly nodes: Nodes = new Nodes({
    now: () => this.#timetable.now(),
    schedule: (at, run) => this.#timetable.schedule(at, run),
    deadLetter: (queue, message, death) => this.router.deadLetter(queue, message, death),
    changed: () => undefined,
  });
  readonly router = new Router(this.nodes);

  queue(name = 'q', settings: Partial<QueueSettings> = {}): Queue {
    const declared = this.nodes.declareQueue(name, { ...DEFAULT_QUEUE, ...settings });
    if (declared.kind !== 'created') throw new Error(`queue ${name} is ${declared.kind}`);
    return declared.node;
  }
}

export function content(sections: Partial<AmqpMessage> | string = {}): MessageContent {
  const message = typeof sections === 'string' ? { body: sections, bodyType: 'value' as const } : sections;
  return new MessageContent(encodeMessage({ body: 'x', bodyType: 'value', ...message }));
}

/** Bodies of what is ready, oldest first. */
export function bodies(queue: Queue): unknown[] {
  return queue.messages().map((message) => message.content.decode().body);
}

/** `enqueued` = `ready` + `unsettled` + `accepted` + `deadLettered` + `dropped` + `purged`. */
export function imbalance(queue: Queue): number {
  const { enqueued, ready, unsettled, accepted, deadLettered, dropped, purged } = queue.stats();
  return enqueued - (ready + unsettled + accepted + deadLettered + dropped + purged);
}
