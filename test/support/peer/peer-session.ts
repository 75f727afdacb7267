import type { FrameFields, FrameOf, Loose, WireError, WireState } from '../wire/frames.mjs';
import type { PeerConnection } from './peer-connection.js';
import { PeerLink } from './peer-link.js';
import { ahead, u32 } from './serial.js';

/** A session of the client, seen from the peer. Both sides use the client's channel number. */
export class PeerSession {
  readonly links = new Map<number, PeerLink>();
  nextOutgoingId: number;
  nextIncomingId: number;
  incomingWindow: number;
  ended = false;
  private nextDeliveryId: number;
  /** Deliveries of ours that the client has not settled. */
  readonly unsettled = new Map<number, PeerLink>();

  constructor(
    readonly connection: PeerConnection,
    readonly channel: number,
    begin: FrameOf<'begin'>,
  ) {
    const { script } = connection.peer;
    this.nextOutgoingId = script.nextOutgoingId ?? 0xffff_fffc;
    this.nextDeliveryId = script.firstDeliveryId ?? 0xffff_fffd;
    this.nextIncomingId = begin.nextOutgoingId;
    this.incomingWindow = script.incomingWindow ?? 2_048;
  }

  /** Adds the session's fields. */
  sendFlow(fields: Loose<FrameFields['flow']> = {}): void {
    this.connection.reply('flow', this.channel, {
      nextIncomingId: this.nextIncomingId,
      incomingWindow: this.incomingWindow,
      nextOutgoingId: this.nextOutgoingId,
      outgoingWindow: 0x7fff_ffff,
      ...fields,
    });
  }

  sendTransfer(fields: Loose<FrameFields['transfer']>, payload: Buffer): void {
    this.nextOutgoingId = u32(this.nextOutgoingId + 1);
    this.connection.reply('transfer', this.channel, fields, payload);
  }

  /** Settles (or with `settled` false: updates) deliveries of the client. `'none'` sends no state. */
  dispose(
    range: { readonly first: number; readonly last?: number },
    state: WireState | 'none' = { kind: 'accepted' },
    settled = true,
  ): void {
    const fields: Loose<FrameFields['disposition']> = { role: true, first: range.first, settled };
    if (range.last !== undefined) fields.last = range.last;
    if (state !== 'none') fields.state = state;
    this.connection.reply('disposition', this.channel, fields);
  }

  end(error?: WireError): void {
    this.ended = true;
    this.connection.reply('end', this.channel, error === undefined ? {} : { error });
  }

  takeDeliveryId(): number {
    const id = this.nextDeliveryId;
    this.nextDeliveryId = u32(id + 1);
    return id;
  }

  sent(deliveryId: number, link: PeerLink, settled: boolean): void {
    if (!settled) this.unsettled.set(deliveryId, link);
  }

  forget(deliveryId: number): void {
    this.unsettled.delete(deliveryId);
  }

  /** The ids that the range covers and that are still unsettled. */
  settledBy(disposition: FrameOf<'disposition'>): number[] {
    const { first, last = first } = disposition;
    const covered = [...this.unsettled.keys()].filter((id) => ahead(id, first) >= 0 && ahead(id, last) <= 0);
    if (disposition.settled === true) for (const id of covered) this.unsettled.delete(id);
    return covered;
  }

  /** A transfer came in; the window is topped up at half. */
  transferred(): void {
    const full = this.connection.peer.script.incomingWindow ?? 2_048;
    this.nextIncomingId = u32(this.nextIncomingId + 1);
    this.incomingWindow -= 1;
    if (this.incomingWindow > full / 2) return;
    this.incomingWindow = full;
    this.sendFlow();
  }
}
