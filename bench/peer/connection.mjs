// One connection of the counting peer: a sink for links that send, a source for links that receive. Everything that is not on a message's
// path goes through the slow codec of the tests; transfers and dispositions are read in place.

import { AMQP_HEADER, EMPTY_FRAME, SASL_HEADER, decodeFrame, encodeFrame } from '../../test/support/wire/frames.mjs';
import { decodeMessage } from '../../test/support/wire/message.mjs';
import { fold } from '../bodies.mjs';
import { Fields, bodyOf } from './fields.mjs';
import { Source } from './source.mjs';

const CREDIT = 2_000;
const WINDOW = 0x7fff_ffff;
const MAX_FRAME = 131_072;

export class Connection {
  rest = undefined;
  wantsHeader = true;
  sessions = new Map();
  replies = [];
  fields = new Fields();
  maxFrameSize = 0xffff_ffff;

  constructor(socket, stats) {
    this.socket = socket;
    this.stats = stats;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.onData(chunk));
    socket.on('error', () => undefined); // The client was ended; 'close' follows.
    const beat = setInterval(() => socket.write(EMPTY_FRAME), 5_000);
    socket.on('close', () => clearInterval(beat));
  }

  onData(chunk) {
    const bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
    this.rest = undefined;
    let at = 0;
    for (;;) {
      if (bytes.length - at < 8) break;
      if (this.wantsHeader) {
        this.onHeader(bytes[at + 4]);
        at += 8;
        continue;
      }
      const size = bytes.readUInt32BE(at);
      if (bytes.length - at < size) break;
      if (size > 8) this.onFrame(bytes, at, size);
      at += size;
    }
    if (at < bytes.length) this.rest = bytes.subarray(at);
    for (const session of this.sessions.values()) this.settle(session);
    if (this.replies.length > 0) this.socket.write(Buffer.concat(this.replies.splice(0)));
  }

  onHeader(id) {
    this.wantsHeader = false;
    this.replies.push(id === 3 ? SASL_HEADER : AMQP_HEADER);
    if (id === 3) this.send('mechanisms', 0, { mechanisms: ['PLAIN', 'ANONYMOUS'] });
  }

  onFrame(bytes, at, size) {
    const code = bytes[at + 10];
    const channel = bytes.readUInt16BE(at + 6);
    if (bytes[at + 5] === 1) {
      this.send('outcome', 0, { code: 0 });
      this.wantsHeader = true;
    } else if (code === 0x14) this.transfer(this.sessions.get(channel), bytes, at, at + size);
    else if (code === 0x15) this.disposition(this.sessions.get(channel), bytes, at);
    else this.control(decodeFrame(bytes.subarray(at, at + size)));
  }

  transfer(session, bytes, at, end) {
    const { fields, stats } = this;
    fields.open(bytes, at + 11);
    const link = session.links.get(fields.uint());
    const id = fields.uint();
    fields.skipBinary();
    fields.uint();
    const settled = fields.boolean();
    const more = fields.boolean();
    session.nextIncomingId = (session.nextIncomingId + 1) >>> 0;
    if (id >= 0) link.deliveryId = id;
    if (more || link.parts.length > 0) {
      link.parts.push(Buffer.from(bytes.subarray(fields.end, end)));
      if (more) return;
      const whole = Buffer.concat(link.parts.splice(0));
      this.received(whole, 0, whole.length);
    } else this.received(bytes, fields.end, end);
    stats.received += 1;
    link.count = (link.count + 1) >>> 0;
    if (!settled) {
      if (session.first < 0) session.first = link.deliveryId;
      session.last = link.deliveryId;
    }
    link.sinceFlow += 1;
    if (link.sinceFlow >= CREDIT / 4) this.grant(session, link);
  }

  received(bytes, start, end) {
    const { stats } = this;
    if (stats.received === 0) stats.sample = decodeMessage(Buffer.from(bytes.subarray(start, end)));
    stats.hash = bodyOf(bytes, start, end, (buffer, from, to) => fold(stats.hash, buffer, from, to));
  }

  /** One range for everything that a chunk brought. */
  settle(session) {
    if (session.first < 0) return;
    this.send('disposition', session.channel, {
      role: true,
      first: session.first,
      last: session.last,
      settled: true,
      state: { kind: 'accepted' },
    });
    session.first = -1;
  }

  disposition(session, bytes, at) {
    const { fields, stats } = this;
    fields.open(bytes, at + 11);
    if (!fields.boolean()) return;
    const first = fields.uint();
    const last = fields.uint();
    const settled = fields.boolean();
    const state = fields.described();
    stats.dispositions += 1;
    session.source?.settled(first, last < 0 ? first : last, settled && state === 0x24);
  }

  control(frame) {
    const session = this.sessions.get(frame.channel);
    switch (frame.performative) {
      case 'open':
        this.maxFrameSize = frame.maxFrameSize ?? this.maxFrameSize;
        this.send('open', 0, { containerId: 'counting-peer', maxFrameSize: MAX_FRAME, channelMax: 100 });
        break;
      case 'begin':
        this.sessions.set(frame.channel, {
          channel: frame.channel,
          nextIncomingId: frame.nextOutgoingId,
          links: new Map(),
          first: -1,
          last: -1,
          source: undefined,
        });
        this.send('begin', frame.channel, {
          remoteChannel: frame.channel,
          nextOutgoingId: 0,
          incomingWindow: WINDOW,
          outgoingWindow: WINDOW,
        });
        break;
      case 'attach':
        this.attach(session, frame);
        break;
      case 'flow': {
        const link = session.links.get(frame.handle);
        if (!link?.isSource) break;
        const limit = ((frame.deliveryCount ?? 0) + frame.linkCredit) >>> 0;
        session.source.granted(limit);
        // Drained: all credit is used up, as far as there were messages by sending them.
        if (frame.drain) this.flow(session, { handle: link.handle, deliveryCount: limit, linkCredit: 0, drain: true });
        break;
      }
      case 'detach':
        this.send('detach', frame.channel, { handle: frame.handle, closed: true });
        break;
      case 'end':
        this.send('end', frame.channel);
        break;
      case 'close':
        this.send('close', 0);
        setImmediate(() => this.socket.end());
        break;
      default:
    }
  }

  attach(session, frame) {
    const { name, handle, role, source, target, sndSettleMode } = frame;
    const link = {
      handle,
      count: frame.initialDeliveryCount ?? 0,
      deliveryId: 0,
      sinceFlow: 0,
      parts: [],
      isSource: role,
    };
    session.links.set(handle, link);
    this.send('attach', frame.channel, {
      name,
      handle,
      role: !role,
      source,
      target,
      sndSettleMode,
      ...(role ? { initialDeliveryCount: 0 } : {}),
    });
    if (role) session.source = new Source(this, session.channel, handle, String(source.address));
    else this.grant(session, link);
  }

  grant(session, link) {
    link.sinceFlow = 0;
    this.flow(session, { handle: link.handle, deliveryCount: link.count, linkCredit: CREDIT });
  }

  flow(session, fields) {
    this.send('flow', session.channel, {
      nextIncomingId: session.nextIncomingId,
      incomingWindow: WINDOW,
      nextOutgoingId: 0,
      outgoingWindow: WINDOW,
      ...fields,
    });
  }

  send(performative, channel, fields) {
    this.replies.push(encodeFrame(performative, channel, fields));
  }
}
