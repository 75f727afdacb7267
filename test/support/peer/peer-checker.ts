import type { AnyFrame, FrameOf } from '../wire/frames.mjs';
import type { PeerConnection } from './peer-connection.js';
import { ahead, u32 } from './serial.js';

interface LinkBook {
  readonly name: string;
  readonly clientSends: boolean;
  readonly handle: number;
  count: number;
  /** The first delivery-count for which there is no credit; `undefined`: none was ever granted. */
  creditEnd: number | undefined;
  /** The delivery that has more frames to come. */
  open: number | undefined;
  bytes: number;
  maxMessageSize: number | bigint | undefined;
}

interface SessionBook {
  readonly links: Map<number, LinkBook>;
  /** Links by our handle, where the script chose another one than the client. */
  readonly byOurHandle: Map<number, LinkBook>;
  nextTransferId: number;
  windowEnd: number | undefined;
  lastDeliveryId: number | undefined;
  handleMax: number;
  /** Ids of deliveries that we sent: true when the client has settled them. */
  readonly deliveries: Map<number, boolean>;
}

const connectionFrames = new Set(['empty', 'mechanisms', 'init', 'challenge', 'response', 'outcome']);

/** Judges what the client writes by the protocol's rules; it may only ever find fault, it changes nothing. */
export class PeerChecker {
  private readonly sessions = new Map<number, SessionBook>();
  private isOpen = false;
  private isClosed = false;
  private maxFrameSize = 0xffff_ffff;
  private channelMax = 65_535;

  constructor(private readonly connection: PeerConnection) {}

  /** A frame of the client, before the peer's own books change. */
  inbound(frame: AnyFrame): void {
    if (frame.size > this.maxFrameSize) this.fault(`a frame of ${frame.size} bytes, ${this.maxFrameSize} allowed`);
    if (frame.performative === 'open') {
      if (this.isOpen) this.fault('a second open');
      this.isOpen = true;
    } else if (frame.performative === 'close') {
      if (this.isClosed) this.fault('a second close');
      this.isClosed = true;
    } else if (frame.performative === 'begin') {
      this.usable(frame);
      this.begin(frame);
    } else if (!connectionFrames.has(frame.performative)) {
      this.usable(frame);
      const session = this.sessions.get(frame.channel);
      if (session !== undefined) this.inSession(session, frame);
      else this.fault(`${frame.performative} on channel ${frame.channel}, which has no session`);
    }
  }

  /** A frame of the peer: what it allows the client. */
  outbound(frame: AnyFrame): void {
    if (frame.performative === 'open') {
      this.maxFrameSize = frame.maxFrameSize ?? this.maxFrameSize;
      this.channelMax = frame.channelMax ?? this.channelMax;
    }
    const session = this.sessions.get(frame.channel);
    if (session === undefined) return;
    if (frame.performative === 'begin') {
      session.handleMax = frame.handleMax ?? session.handleMax;
      this.widen(session, session.nextTransferId, frame.incomingWindow);
    } else if (frame.performative === 'attach') {
      const link = [...session.links.values()].find((l) => l.name === frame.name && l.clientSends === frame.role);
      if (link === undefined) return;
      link.maxMessageSize = frame.maxMessageSize === 0 ? undefined : frame.maxMessageSize;
      session.byOurHandle.set(frame.handle, link);
    } else if (frame.performative === 'flow') {
      if (frame.nextIncomingId !== undefined) this.widen(session, frame.nextIncomingId, frame.incomingWindow);
      const link = frame.handle === undefined ? undefined : session.byOurHandle.get(frame.handle);
      if (link === undefined || !link.clientSends || frame.linkCredit === undefined) return;
      const end = u32((frame.deliveryCount ?? link.count) + frame.linkCredit);
      // Credit that is taken back may already be in use, so the furthest grant is what counts.
      if (link.creditEnd === undefined || ahead(end, link.creditEnd) > 0) link.creditEnd = end;
    } else if (frame.performative === 'transfer' && frame.deliveryId !== undefined && frame.settled !== true) {
      if (!session.deliveries.has(frame.deliveryId)) session.deliveries.set(frame.deliveryId, false);
    }
  }

  private inSession(session: SessionBook, frame: AnyFrame): void {
    if (frame.performative === 'end') this.sessions.delete(frame.channel);
    else if (frame.performative === 'attach') this.attach(session, frame);
    else if (frame.performative === 'transfer') this.transfer(session, frame);
    else if (frame.performative === 'disposition') this.disposition(session, frame);
    else if (frame.performative === 'detach') {
      if (!session.links.delete(frame.handle)) this.fault(`detach of handle ${frame.handle}, which is not attached`);
    } else if (frame.performative === 'flow' && frame.handle !== undefined) {
      const link = session.links.get(frame.handle);
      if (link === undefined) this.fault(`flow for handle ${frame.handle}, which is not attached`);
      else if (link.clientSends && frame.deliveryCount !== undefined) link.count = frame.deliveryCount;
    }
  }

  private usable(frame: AnyFrame): void {
    if (!this.isOpen) this.fault(`${frame.performative} before open`);
    if (this.isClosed) this.fault(`${frame.performative} after close`);
  }

  private begin(frame: FrameOf<'begin'>): void {
    if (this.sessions.has(frame.channel)) this.fault(`a second begin on channel ${frame.channel}`);
    if (frame.channel > this.channelMax) this.fault(`channel ${frame.channel}, at most ${this.channelMax} allowed`);
    this.sessions.set(frame.channel, {
      links: new Map(),
      byOurHandle: new Map(),
      nextTransferId: frame.nextOutgoingId,
      windowEnd: undefined,
      lastDeliveryId: undefined,
      handleMax: 0xffff_ffff,
      deliveries: new Map(),
    });
  }

  private attach(session: SessionBook, frame: FrameOf<'attach'>): void {
    const { handle, name } = frame;
    if (session.links.has(handle)) this.fault(`attach of handle ${handle}, which is in use`);
    if (handle > session.handleMax) this.fault(`handle ${handle}, at most ${session.handleMax} allowed`);
    for (const other of this.sessions.values()) {
      for (const link of other.links.values()) {
        if (link.name === name && link.clientSends === !frame.role) this.fault(`the link name "${name}" twice`);
      }
    }
    if (!frame.role && frame.initialDeliveryCount === undefined) this.fault('attach without initial-delivery-count');
    session.links.set(handle, {
      name,
      handle,
      clientSends: !frame.role,
      count: frame.initialDeliveryCount ?? 0,
      creditEnd: undefined,
      open: undefined,
      bytes: 0,
      maxMessageSize: undefined,
    });
  }

  private transfer(session: SessionBook, frame: FrameOf<'transfer'>): void {
    const transferId = session.nextTransferId;
    session.nextTransferId = u32(transferId + 1);
    if (session.windowEnd === undefined || ahead(transferId, session.windowEnd) >= 0) {
      this.fault(`transfer ${transferId} beyond the session's window`);
    }
    const link = session.links.get(frame.handle);
    if (link === undefined) {
      this.fault(`transfer on handle ${frame.handle}, which is not attached`);
      return;
    }
    if (!link.clientSends) this.fault(`transfer on "${link.name}", on which the client receives`);
    if (link.open === undefined) this.firstTransfer(session, link, frame);
    else if (frame.deliveryId !== undefined && frame.deliveryId !== link.open) {
      this.fault(`delivery ${frame.deliveryId} on "${link.name}" begins inside delivery ${link.open}`);
    }
    link.bytes += frame.payload.length;
    if (link.maxMessageSize !== undefined && link.bytes > link.maxMessageSize) {
      this.fault(`a message of ${link.bytes} bytes on "${link.name}", ${link.maxMessageSize} allowed`);
    }
    const ends = frame.more !== true || frame.aborted === true;
    link.open = ends ? undefined : (link.open ?? frame.deliveryId ?? 0);
    if (ends) link.count = u32(link.count + 1);
  }

  private firstTransfer(session: SessionBook, link: LinkBook, frame: FrameOf<'transfer'>): void {
    const { deliveryId, deliveryTag } = frame;
    link.bytes = 0;
    if (deliveryId === undefined) this.fault(`a delivery on "${link.name}" without an id`);
    else {
      const expected = session.lastDeliveryId === undefined ? deliveryId : u32(session.lastDeliveryId + 1);
      if (deliveryId !== expected) this.fault(`delivery-id ${deliveryId} where ${expected} was due`);
      session.lastDeliveryId = deliveryId;
    }
    if (deliveryTag === undefined || deliveryTag.length > 32) {
      this.fault(`delivery ${deliveryId} has a tag of ${deliveryTag?.length ?? 'no'} bytes`);
    }
    if (link.creditEnd === undefined || ahead(link.count, link.creditEnd) >= 0) {
      this.fault(`delivery ${deliveryId} on "${link.name}" without credit`);
    }
  }

  private disposition(session: SessionBook, frame: FrameOf<'disposition'>): void {
    const { first, last = first } = frame;
    const count = ahead(last, first) + 1;
    if (count < 1 || count > 1_000_000) {
      this.fault(`a disposition from ${first} to ${last}`);
      return;
    }
    if (!frame.role || frame.settled !== true) return;
    for (let index = 0; index < count; index += 1) {
      const id = u32(first + index);
      const isSettled = session.deliveries.get(id);
      if (isSettled === undefined) this.fault(`a disposition of delivery ${id}, which was never sent unsettled`);
      else if (isSettled) this.fault(`a second disposition of delivery ${id}`);
      session.deliveries.set(id, true);
    }
  }

  private widen(session: SessionBook, nextIncomingId: number, window: number): void {
    const end = u32(nextIncomingId + Math.min(window, 0x7fff_ffff));
    if (session.windowEnd === undefined || ahead(end, session.windowEnd) > 0) session.windowEnd = end;
  }

  private fault(text: string): void {
    this.connection.peer.violation(this.connection, text);
  }
}
