// One connection of the journalling peer: just enough AMQP for honest clients.

import { AMQP_HEADER, EMPTY_FRAME, FrameSplitter, SASL_HEADER, decodeFrame, encodeFrame } from '../wire/frames.mjs';

const WINDOW = 0x7fff_ffff;
const ahead = (a, b) => (a - b) | 0;

export class ServerConnection {
  constructor(server, socket) {
    this.server = server;
    this.socket = socket;
    this.splitter = new FrameSplitter();
    this.sessions = new Map();
    this.maxFrameSize = 65_536;
    this.unsettled = 0;
    socket.setNoDelay(true);
    this.heardAt = performance.now();
    // A client that is silent for too long is gone, and what it holds goes back.
    const watch = () => {
      if (performance.now() - this.heardAt > server.idleMs) socket.destroy();
    };
    this.watchdog = setInterval(watch, server.idleMs / 10);
    socket.on('data', (chunk) => this.onData(chunk));
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => this.onClose());
  }

  send(performative, channel, fields, payload) {
    if (!this.socket.destroyed) this.socket.write(encodeFrame(performative, channel, fields, payload));
  }

  onData(chunk) {
    this.heardAt = performance.now();
    try {
      for (const { kind, bytes } of this.splitter.push(chunk)) {
        if (kind === 'header') this.onHeader(bytes[4]);
        else this.onFrame(decodeFrame(Buffer.from(bytes)));
      }
    } catch {
      // Broken on its way: the client is told by the end of its stream.
      this.socket.destroy();
    }
    // Everything that this chunk brought goes to the disk in one sync, and only then is it accepted.
    this.server.commit();
  }

  onHeader(id) {
    this.socket.write(id === 3 ? SASL_HEADER : AMQP_HEADER);
    if (id === 3) this.send('mechanisms', 0, { mechanisms: ['PLAIN', 'ANONYMOUS'] });
  }

  onFrame(frame) {
    const session = this.sessions.get(frame.channel);
    switch (frame.performative) {
      case 'init':
        this.send('outcome', 0, { code: 0 });
        break;
      case 'open':
        this.maxFrameSize = frame.maxFrameSize ?? 65_536;
        this.send('open', 0, {
          containerId: 'journalling-peer',
          maxFrameSize: 65_536,
          channelMax: 1_000,
          idleTimeOut: this.server.idleMs / 2,
        });
        if (frame.idleTimeOut > 0) this.beat(frame.idleTimeOut / 2);
        break;
      case 'begin':
        this.sessions.set(frame.channel, {
          channel: frame.channel,
          links: new Map(),
          nextOutgoingId: this.server.first,
          nextDeliveryId: this.server.first,
          nextIncomingId: frame.nextOutgoingId,
          unsettled: new Map(),
        });
        this.send('begin', frame.channel, {
          remoteChannel: frame.channel,
          nextOutgoingId: this.server.first,
          incomingWindow: WINDOW,
          outgoingWindow: WINDOW,
        });
        break;
      case 'attach':
        this.attach(session, frame);
        break;
      case 'flow':
        this.flow(session, frame);
        break;
      case 'transfer':
        this.transfer(session, frame);
        break;
      case 'disposition':
        this.disposition(session, frame);
        break;
      case 'detach': {
        const link = session.links.get(frame.handle);
        session.links.delete(frame.handle);
        this.release(session, link);
        this.send('detach', frame.channel, { handle: frame.handle, closed: frame.closed ?? false });
        break;
      }
      case 'end':
        this.sessions.delete(frame.channel);
        this.release(session);
        this.send('end', frame.channel);
        break;
      case 'close':
        this.send('close', 0);
        this.socket.end();
        break;
      default:
    }
  }

  attach(session, frame) {
    const isConsumer = frame.role;
    const address = (isConsumer ? frame.source : frame.target)?.address;
    const link = {
      handle: frame.handle,
      name: frame.name,
      isConsumer,
      queue: address,
      credit: 0,
      count: isConsumer ? this.server.first : (frame.initialDeliveryCount ?? 0),
      parts: [],
      settled: frame.sndSettleMode === 1,
    };
    session.links.set(frame.handle, link);
    this.send('attach', session.channel, {
      name: frame.name,
      handle: frame.handle,
      role: !frame.role,
      source: frame.source,
      target: frame.target,
      sndSettleMode: frame.sndSettleMode,
      ...(isConsumer ? { initialDeliveryCount: link.count } : {}),
    });
    if (!isConsumer) this.grant(session, link);
  }

  grant(session, link) {
    link.credit = this.server.credit;
    this.sendFlow(session, { handle: link.handle, deliveryCount: link.count, linkCredit: link.credit });
  }

  sendFlow(session, fields = {}) {
    this.send('flow', session.channel, {
      nextIncomingId: session.nextIncomingId,
      incomingWindow: WINDOW,
      nextOutgoingId: session.nextOutgoingId,
      outgoingWindow: WINDOW,
      ...fields,
    });
  }

  flow(session, frame) {
    const link = frame.handle === undefined ? undefined : session.links.get(frame.handle);
    if (link?.isConsumer) {
      link.credit = Math.max(0, ahead(((frame.deliveryCount ?? link.count) + frame.linkCredit) >>> 0, link.count));
      this.pump(session, link);
      if (frame.drain) {
        link.count = (link.count + link.credit) >>> 0;
        link.credit = 0;
        this.sendFlow(session, { handle: link.handle, deliveryCount: link.count, linkCredit: 0, drain: true });
      }
    }
    if (frame.echo && !frame.drain)
      this.sendFlow(session, link ? { handle: link.handle, deliveryCount: link.count, linkCredit: link.credit } : {});
  }

  transfer(session, frame) {
    session.nextIncomingId = (session.nextIncomingId + 1) >>> 0;
    const link = session.links.get(frame.handle);
    if (link.parts.length === 0) link.first = frame;
    link.parts.push(frame.payload);
    if (frame.more && !frame.aborted) return;
    const payload = Buffer.concat(link.parts);
    link.parts = [];
    link.count = (link.count + 1) >>> 0;
    link.credit -= 1;
    if (frame.aborted) return;
    this.server.queues.put(link.queue, payload);
    if (!frame.settled && !link.first.settled) {
      const { deliveryId } = link.first;
      this.server.afterSync(() =>
        this.send('disposition', session.channel, {
          role: true,
          first: deliveryId,
          settled: true,
          state: { kind: 'accepted' },
        }),
      );
    }
    if (link.credit <= this.server.credit / 2) this.grant(session, link);
  }

  disposition(session, frame) {
    if (!frame.role || !frame.settled) return;
    const last = frame.last ?? frame.first;
    for (const [id, { link, message }] of session.unsettled) {
      if (ahead(id, frame.first) < 0 || ahead(id, last) > 0) continue;
      session.unsettled.delete(id);
      this.server.settled(message, frame.state);
      this.pump(session, link);
    }
  }

  /** Sends what there is credit for. */
  pump(session, link) {
    while (link.credit > 0) {
      const message = this.server.queues.take(link.queue);
      if (message === undefined) return;
      link.credit -= 1;
      link.count = (link.count + 1) >>> 0;
      const id = session.nextDeliveryId;
      session.nextDeliveryId = (id + 1) >>> 0;
      if (link.settled) this.server.queues.delete(message);
      else session.unsettled.set(id, { link, message });
      const payload = this.server.queues.encoded(message);
      const tag = Buffer.alloc(4);
      tag.writeUInt32BE(id);
      this.server.afterSync(() => this.sendTransfer(session, link, id, tag, payload));
    }
  }

  sendTransfer(session, link, deliveryId, deliveryTag, payload) {
    const room = this.maxFrameSize - 64;
    for (let at = 0; at === 0 || at < payload.length; at += room) {
      session.nextOutgoingId = (session.nextOutgoingId + 1) >>> 0;
      const more = at + room < payload.length;
      this.send(
        'transfer',
        session.channel,
        { handle: link.handle, deliveryId, deliveryTag, messageFormat: 0, settled: link.settled, more },
        payload.subarray(at, at + room),
      );
    }
  }

  /** What was not settled goes back into its queue. */
  release(session, link) {
    for (const [id, held] of session?.unsettled ?? []) {
      if (link !== undefined && held.link !== link) continue;
      session.unsettled.delete(id);
      this.server.queues.giveBack(held.message, false);
    }
  }

  beat(everyMs) {
    this.heartbeat = setInterval(() => this.socket.write(EMPTY_FRAME), Math.max(10, everyMs));
  }

  onClose() {
    clearInterval(this.heartbeat);
    clearInterval(this.watchdog);
    for (const session of this.sessions.values()) this.release(session);
    this.sessions.clear();
    this.server.connections.delete(this);
    this.server.commit();
  }
}
