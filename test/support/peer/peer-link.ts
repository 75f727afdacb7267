import { encodeMessage, type WireMessage } from '../wire/message.mjs';
import type { FrameFields, FrameOf, Loose, WireError, WireTerminus } from '../wire/frames.mjs';
import type { PeerSession } from './peer-session.js';
import { ahead, u32 } from './serial.js';

export interface SendMessageOptions {
  readonly settled?: boolean;
  readonly tag?: Buffer;
  readonly messageFormat?: number;
  /** Cuts the payload into this many transfers. @default 1, or more when the client's frame size asks for it */
  readonly frames?: number;
  /** Ends with an aborted transfer in place of the last part. */
  readonly aborted?: boolean;
  /** Leaves `more` set on the last transfer. */
  readonly unfinished?: boolean;
  /** Over the fields of every transfer. */
  readonly fields?: Loose<FrameFields['transfer']>;
}

/** A link of the client, seen from the peer. */
export class PeerLink {
  readonly name: string;
  readonly handle: number;
  /** What the client is on this link. */
  readonly clientRole: 'sender' | 'receiver';
  readonly source: WireTerminus | undefined;
  readonly target: WireTerminus | undefined;
  /** Our count when we send, the client's when it sends. */
  deliveryCount: number;
  /** Receivers: credit that the client has granted and we have not used. Senders: what the client may still use of ours. */
  credit = 0;
  /** Complete deliveries that the client sent on this link. */
  received = 0;
  detached = false;
  /** The payload so far of a delivery that has more frames to come. */
  partial: { first: FrameOf<'transfer'>; parts: Buffer[] } | undefined;

  constructor(
    readonly session: PeerSession,
    readonly attach: FrameOf<'attach'>,
    private readonly initialDeliveryCount: number,
  ) {
    this.name = attach.name;
    this.handle = attach.handle;
    this.clientRole = attach.role ? 'receiver' : 'sender';
    this.source = attach.source;
    this.target = attach.target;
    this.deliveryCount = attach.role ? initialDeliveryCount : (attach.initialDeliveryCount ?? 0);
  }

  /** The address on which the client sends or from which it receives. */
  get address(): string | undefined {
    const address = this.clientRole === 'sender' ? this.target?.address : this.source?.address;
    return typeof address === 'string' ? address : undefined;
  }

  /** Sets the client's credit (not: adds to it). */
  grantCredit(credit: number, options: { readonly drain?: boolean; readonly echo?: boolean } = {}): void {
    this.credit = credit;
    this.session.sendFlow({ handle: this.handle, deliveryCount: this.deliveryCount, linkCredit: credit, ...options });
  }

  /** Sends one message, with or without credit; resolves to nothing and answers its delivery id. */
  send(message: WireMessage | Buffer, options: SendMessageOptions = {}): number {
    const payload = Buffer.isBuffer(message) ? message : encodeMessage(message);
    const { session } = this;
    const deliveryId = session.takeDeliveryId();
    const tag = options.tag ?? tagOf(deliveryId);
    const parts = this.cut(payload, options.frames);
    session.sent(deliveryId, this, options.settled === true);
    parts.forEach((part, index) => {
      const last = index === parts.length - 1;
      const aborted = last && options.aborted === true;
      session.sendTransfer(
        {
          handle: this.handle,
          deliveryId,
          ...(index === 0 ? { deliveryTag: tag, messageFormat: options.messageFormat ?? 0 } : {}),
          settled: options.settled ?? false,
          more: !last || options.unfinished === true,
          ...(aborted ? { aborted: true } : {}),
          ...options.fields,
        },
        aborted ? Buffer.alloc(0) : part,
      );
    });
    this.deliveryCount = u32(this.deliveryCount + 1);
    this.credit = Math.max(0, this.credit - 1);
    if (options.aborted === true) session.forget(deliveryId);
    return deliveryId;
  }

  /** Waits until the client has granted this much. */
  async creditAtLeast(credit: number): Promise<void> {
    await this.session.connection.peer.until(
      `credit of at least ${credit} on "${this.name}"`,
      () => this.credit >= credit,
    );
  }

  detach(options: { readonly closed?: boolean; readonly error?: WireError } = {}): void {
    this.detached = true;
    const fields: Loose<FrameFields['detach']> = { handle: this.handle, closed: options.closed ?? true };
    if (options.error !== undefined) fields.error = options.error;
    this.session.connection.reply('detach', this.session.channel, fields);
  }

  /** The client's flow for this link. */
  flowed(flow: FrameOf<'flow'>): void {
    if (this.clientRole === 'receiver') {
      const base = flow.deliveryCount ?? this.initialDeliveryCount;
      this.credit = Math.max(0, ahead(u32(base + (flow.linkCredit ?? 0)), this.deliveryCount));
    } else if (flow.deliveryCount !== undefined) {
      this.deliveryCount = flow.deliveryCount;
      this.credit = flow.linkCredit ?? 0;
    }
  }

  private cut(payload: Buffer, frames: number | undefined): Buffer[] {
    const room = Math.max(64, (this.session.connection.clientOpen?.maxFrameSize ?? 65_536) - 128);
    const count = frames ?? Math.max(1, Math.ceil(payload.length / room));
    const size = Math.ceil(payload.length / count);
    return Array.from({ length: count }, (_, index) => payload.subarray(index * size, (index + 1) * size));
  }
}

function tagOf(deliveryId: number): Buffer {
  const tag = Buffer.alloc(4);
  tag.writeUInt32BE(deliveryId);
  return tag;
}
