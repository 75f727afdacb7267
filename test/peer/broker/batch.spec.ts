// A batch (message format 0x80013700) at the embedded broker: all of its messages are stored or none, however it comes.

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BATCH_MESSAGE_FORMAT } from '../../../lib/broker/message/batch-message.js';
import { EmbeddedBroker, type BrokerQueue } from '../../../lib/broker/index.js';
import type { FrameFields, Loose } from '../../support/wire/frames.mjs';
import { encodeMessage } from '../../support/wire/message.mjs';
import { RawClient } from './support/raw-client.js';

const BODIES = ['a', 'b', 'c'];

let broker: EmbeddedBroker;
let client: RawClient;
let queue: BrokerQueue;

beforeEach(async () => {
  broker = await EmbeddedBroker.start({
    queues: ['q', { name: 'small', maxLength: 2, overflow: 'reject-publish' }],
    maxMessageBytes: 1_000,
  });
  client = await RawClient.session(broker.port);
  await client.attachSender('q');
  queue = broker.queue('q');
});

afterEach(async () => {
  RawClient.destroyAll();
  await broker.stop();
});

function batchOf(bodies: readonly string[]): Buffer {
  return Buffer.concat(bodies.map((body) => encodeMessage({ data: encodeMessage({ data: body }) })));
}

function transfer(payload: Buffer, fields: Loose<FrameFields['transfer']> = {}): void {
  client.send('transfer', 0, { handle: 0, ...fields }, payload);
}

const FIRST = { deliveryId: 0, deliveryTag: Buffer.from('t'), messageFormat: BATCH_MESSAGE_FORMAT } as const;

/** Cut between two messages: what came first could be read by itself. */
function begin(bodies = BODIES): void {
  for (const [index, body] of bodies.entries())
    transfer(batchOf([body]), { ...(index === 0 ? FIRST : {}), more: true });
}

/** What the broker had been told before is done. */
async function done(): Promise<void> {
  client.send('begin', 9, { nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1 });
  await client.next('begin');
}

describe('a batch in several transfers', () => {
  it('is stored with the last of them', async () => {
    begin();
    await done();
    expect(queue.stats().enqueued).toBe(0);
    transfer(batchOf(['d']));
    expect((await client.next('disposition')).state).toMatchObject({ kind: 'accepted' });
    expect(queue.messages().map(({ body }) => String(body))).toEqual([...BODIES, 'd']);
  });

  it.each<[string, () => unknown]>([
    ['is aborted', () => transfer(Buffer.alloc(0), { aborted: true })],
    ['is left by a detach', () => client.send('detach', 0, { handle: 0, closed: true })],
    ['is left by the end of its session', () => client.send('end', 0, {})],
    ['is too large', () => transfer(batchOf(['x'.repeat(2_000)]))],
    ['ends with what is no message', () => transfer(encodeMessage({ value: 5 }))],
    ['ends with what cannot be read', () => transfer(Buffer.from('junk'))],
  ])('that %s leaves nothing', async (_what, end) => {
    begin();
    end();
    await done();
    expect(queue.stats().enqueued).toBe(0);
  });
});

it('a batch that has no room as a whole is refused as a whole', async () => {
  await client.attachSender('small', 1);
  transfer(batchOf(BODIES), { ...FIRST, handle: 1 });
  expect((await client.next('disposition')).state).toMatchObject({
    kind: 'rejected',
    error: { condition: 'amqp:resource-limit-exceeded' },
  });
  expect(broker.queue('small').stats().enqueued).toBe(0);
  transfer(batchOf(['a', 'b']), { ...FIRST, deliveryId: 1, handle: 1 });
  expect((await client.next('disposition')).state).toMatchObject({ kind: 'accepted' });
});
