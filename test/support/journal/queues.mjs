// Named queues over the journal.

import { Reader } from '../wire/values.mjs';
import { encodeMessage } from '../wire/message.mjs';

/** The sections after the header, and the header's delivery-count. */
function withoutHeader(payload) {
  const reader = new Reader(payload);
  const first = reader.value();
  if (first?.descriptor !== 0x70) return { rest: payload, header: {} };
  const [durable, priority, ttl] = first.value;
  const header = { durable, priority, ttl };
  for (const key of Object.keys(header)) if (header[key] === null || header[key] === undefined) delete header[key];
  return { rest: payload.subarray(reader.position), header };
}

export class Queues {
  constructor(journal) {
    this.journal = journal;
    this.queues = new Map();
    this.nextId = journal.lastId + 1;
    this.counts = { put: 0, deleted: 0, unsettled: 0 };
    for (const { id, queue, body, redelivered } of journal.left.values()) {
      this.ready(queue).push({ id, queue, payload: Buffer.from(body, 'base64'), redelivered, failed: 0 });
    }
    journal.left.clear();
  }

  ready(queue) {
    let list = this.queues.get(queue);
    if (list === undefined) this.queues.set(queue, (list = []));
    return list;
  }

  /** Remembers it; visible to consumers at once, so call `journal.sync()` before telling anybody. */
  put(queue, payload) {
    const id = this.nextId++;
    this.counts.put += 1;
    this.journal.append({ op: 'put', id, queue, body: payload.toString('base64') });
    this.ready(queue).push({ id, queue, payload: Buffer.from(payload), redelivered: false, failed: 0 });
  }

  take(queue) {
    const message = this.ready(queue).shift();
    if (message === undefined) return undefined;
    this.counts.unsettled += 1;
    this.journal.append({ op: 'out', id: message.id });
    return message;
  }

  /** The bytes to send: the header says whether it may have been seen before. */
  encoded(message) {
    const { rest, header } = withoutHeader(message.payload);
    const own = { ...header, firstAcquirer: !message.redelivered, deliveryCount: message.failed };
    return Buffer.concat([encodeMessage({ header: own }), rest]);
  }

  delete(message) {
    this.counts.deleted += 1;
    this.counts.unsettled -= 1;
    this.journal.append({ op: 'del', id: message.id });
  }

  /** Back to its old place. */
  giveBack(message, failed) {
    this.counts.unsettled -= 1;
    const list = this.ready(message.queue);
    const at = list.findIndex((other) => other.id > message.id);
    message.redelivered = true;
    if (failed) message.failed += 1;
    list.splice(at < 0 ? list.length : at, 0, message);
  }

  stats() {
    const ready = Object.fromEntries([...this.queues].map(([name, list]) => [name, list.length]));
    return { ready, ...this.counts };
  }
}
