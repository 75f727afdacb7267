// Sends the same message again and again, with its number patched in, as fast as the client gives credit.

import { encodeFrame } from '../../test/support/wire/frames.mjs';
import { encodeMessage } from '../../test/support/wire/message.mjs';
import { NUMBER_OFFSET, RICH, maker, writeNumber } from '../bodies.mjs';

const BLOCK = 262_144;
const MARK = 0x0a0b_0c0d;

export class Source {
  sent = 0;
  limit = 0;

  /** The address says what: `source/SIZE/COUNT`. */
  constructor(connection, channel, handle, address) {
    const [, size, count] = address.split('/').map(Number);
    this.connection = connection;
    this.total = count;
    this.seen = new Uint8Array(count);
    this.frame = this.encode(channel, handle, size);
    this.idAt = this.frame.indexOf(Buffer.from([0x0a, 0x0b, 0x0c, 0x0d]));
    this.tagAt = this.frame.indexOf(Buffer.from([0x0a, 0x0b, 0x0c, 0x0d]), this.idAt + 4);
    this.numberAt = this.frame.indexOf('{"id":') + NUMBER_OFFSET;
  }

  /** The frames of one delivery, the number in the first of them. */
  encode(channel, handle, size) {
    const message = encodeMessage({
      header: { durable: true },
      properties: {
        messageId: 'b3b1c7de-0000-4000-8000-000000000001',
        contentType: 'application/json',
        correlationId: RICH.correlationId,
        subject: RICH.subject,
      },
      applicationProperties: RICH.applicationProperties,
      data: JSON.stringify(maker(size)(0)),
    });
    const tag = Buffer.from([0x0a, 0x0b, 0x0c, 0x0d]);
    const room = this.connection.maxFrameSize - 64;
    const frames = [];
    for (let at = 0; at < message.length; at += room) {
      const first = at === 0 ? { deliveryId: MARK, deliveryTag: tag, messageFormat: 0, settled: false } : {};
      frames.push(
        encodeFrame(
          'transfer',
          channel,
          { handle, ...first, more: at + room < message.length },
          message.subarray(at, at + room),
        ),
      );
    }
    return Buffer.concat(frames);
  }

  /** The client's credit reaches up to this delivery-count. */
  granted(limit) {
    this.limit = Math.min(this.total, limit);
    const size = this.frame.length;
    const most = Math.max(1, Math.floor(BLOCK / size));
    while (this.sent < this.limit) {
      const count = Math.min(most, this.limit - this.sent);
      const block = Buffer.allocUnsafe(count * size);
      for (let index = 0; index < count; index += 1) {
        const at = index * size;
        this.frame.copy(block, at);
        block.writeUInt32BE(this.sent, at + this.idAt);
        block.writeUInt32BE(this.sent, at + this.tagAt);
        writeNumber(block, at + this.numberAt, this.sent);
        this.sent += 1;
      }
      this.connection.socket.write(block);
    }
  }

  settled(first, last, accepted) {
    const { stats } = this.connection;
    for (let id = first; id <= last; id += 1) {
      if (!accepted || id >= this.sent || this.seen[id] !== 0) stats.wrong += 1;
      else {
        this.seen[id] = 1;
        stats.accepted += 1;
      }
    }
  }
}
