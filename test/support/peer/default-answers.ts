import type { AnyFrame, FrameFields, FrameOf, Loose } from '../wire/frames.mjs';
import type { PeerConnection } from './peer-connection.js';
import { PeerLink } from './peer-link.js';
import { PeerSession } from './peer-session.js';
import type { FrameHandler, ReceivedDelivery } from './script.js';

/** Keeps the peer's books on the frame, records it, and answers it as the script says. */
export function answer(connection: PeerConnection, frame: AnyFrame, record: () => void): void {
  const byDefault = keep(connection, frame);
  record();
  const handlers = connection.peer.script.on;
  // The handler under a frame's name takes frames of that name.
  const handler = handlers?.[frame.performative] as FrameHandler<typeof frame.performative> | undefined;
  if (handler === undefined) byDefault();
  else void (handler as (c: PeerConnection, f: AnyFrame, d: () => void) => unknown)(connection, frame, byDefault);
}

/** Books first, so that a handler in the place of the answer finds its session and link. Returns the answer. */
function keep(connection: PeerConnection, frame: AnyFrame): () => void {
  switch (frame.performative) {
    case 'init':
      connection.saslInit = frame;
      return () => connection.reply('outcome', 0, { code: connection.peer.script.saslCode ?? 0 });
    case 'open':
      connection.clientOpen = frame;
      return () => opened(connection, frame);
    case 'begin': {
      const session = new PeerSession(connection, frame.channel, frame);
      connection.sessions.set(frame.channel, session);
      return () => begun(session);
    }
    case 'attach':
      return attached(connection, frame);
    case 'flow':
      return flowed(connection, frame);
    case 'transfer':
      return transferred(connection, frame);
    case 'disposition':
      connection.sessions.get(frame.channel)?.settledBy(frame);
      return nothing;
    case 'detach': {
      const session = connection.sessions.get(frame.channel);
      const link = session?.links.get(frame.handle);
      session?.links.delete(frame.handle);
      return () => {
        if (link?.detached === true) return;
        connection.reply('detach', frame.channel, { handle: frame.handle, closed: frame.closed ?? false });
      };
    }
    case 'end': {
      const session = connection.sessions.get(frame.channel);
      connection.sessions.delete(frame.channel);
      return () => {
        if (session?.ended !== true) connection.reply('end', frame.channel);
      };
    }
    case 'close':
      return () => {
        if (!connection.peer.hasSent(connection.number, 'close')) connection.close();
        connection.finish();
      };
    case 'mechanisms':
    case 'challenge':
    case 'response':
    case 'outcome':
    case 'empty':
      break;
  }
  return nothing;
}

const nothing = (): void => undefined;

function opened(connection: PeerConnection, open: FrameOf<'open'>): void {
  const { script } = connection.peer;
  connection.reply('open', 0, { containerId: 'scripted-peer', ...script.open });
  if (open.idleTimeOut !== undefined && script.heartbeats !== false) {
    connection.startHeartbeats(Math.max(1, open.idleTimeOut / 2));
  }
}

function begun(session: PeerSession): void {
  session.connection.reply('begin', session.channel, {
    remoteChannel: session.channel,
    nextOutgoingId: session.nextOutgoingId,
    incomingWindow: session.incomingWindow,
    outgoingWindow: 0x7fff_ffff,
    ...session.connection.peer.script.begin,
  });
}

function attached(connection: PeerConnection, attach: FrameOf<'attach'>): () => void {
  const { script } = connection.peer;
  const session = connection.sessions.get(attach.channel);
  if (session === undefined) return nothing;
  const initialDeliveryCount = script.initialDeliveryCount ?? 0xffff_fffb;
  const link = new PeerLink(session, attach, initialDeliveryCount);
  session.links.set(attach.handle, link);
  return () => {
    const fields: Loose<FrameFields['attach']> = { name: attach.name, handle: attach.handle, role: !attach.role };
    if (attach.sndSettleMode !== undefined) fields.sndSettleMode = attach.sndSettleMode;
    if (attach.source !== undefined) fields.source = attach.source;
    if (attach.target !== undefined) fields.target = attach.target;
    if (attach.role) fields.initialDeliveryCount = initialDeliveryCount;
    const own = typeof script.attach === 'function' ? script.attach(attach) : script.attach;
    connection.reply('attach', attach.channel, { ...fields, ...own });
    if (!attach.role && script.credit !== 0) link.grantCredit(script.credit ?? 100);
  };
}

function flowed(connection: PeerConnection, flow: FrameOf<'flow'>): () => void {
  const session = connection.sessions.get(flow.channel);
  const link = flow.handle === undefined ? undefined : session?.links.get(flow.handle);
  link?.flowed(flow);
  return () => {
    if (link !== undefined && link.clientRole === 'receiver' && flow.drain === true) {
      link.deliveryCount = (link.deliveryCount + link.credit) >>> 0;
      link.credit = 0;
      session?.sendFlow({ handle: link.handle, deliveryCount: link.deliveryCount, linkCredit: 0, drain: true });
    } else if (flow.echo === true) {
      session?.sendFlow(
        link === undefined ? {} : { handle: link.handle, deliveryCount: link.deliveryCount, linkCredit: link.credit },
      );
    }
  };
}

function transferred(connection: PeerConnection, transfer: FrameOf<'transfer'>): () => void {
  const session = connection.sessions.get(transfer.channel);
  const link = session?.links.get(transfer.handle);
  if (session === undefined || link === undefined) return nothing;
  session.transferred();
  const partial = link.partial ?? { first: transfer, parts: [] };
  partial.parts.push(transfer.payload);
  link.partial = partial;
  if (transfer.more === true && transfer.aborted !== true) return nothing;
  link.partial = undefined;
  link.deliveryCount = (link.deliveryCount + 1) >>> 0;
  link.credit = Math.max(0, link.credit - 1);
  if (transfer.aborted === true) return nothing;
  const delivery: ReceivedDelivery = {
    link,
    deliveryId: partial.first.deliveryId ?? 0,
    tag: partial.first.deliveryTag ?? Buffer.alloc(0),
    messageFormat: partial.first.messageFormat ?? 0,
    settled: transfer.settled === true || partial.first.settled === true,
    state: transfer.state ?? partial.first.state,
    frames: partial.parts.length,
    payload: Buffer.concat(partial.parts),
  };
  link.received += 1;
  connection.peer.received(delivery);
  return () => judge(delivery);
}

function judge(delivery: ReceivedDelivery): void {
  const { link, deliveryId } = delivery;
  const { script } = link.session.connection.peer;
  if (!delivery.settled) {
    const state = script.verdict === undefined ? ({ kind: 'accepted' } as const) : script.verdict(delivery);
    if (state !== undefined) link.session.dispose({ first: deliveryId }, state);
  }
  const full = script.credit ?? 100;
  const refills = script.refill ?? script.credit === undefined;
  if (refills && link.credit <= full / 2) link.grantCredit(full);
}
