/** Few numbers while few are needed, so that neither side's tables grow where the peer allows many. */
const USUAL = 256;

/**
 * Our channels on the wire, which are not rhea's. RabbitMQ 4 forgets a channel only some milliseconds after it has answered END, and
 * never answers a BEGIN on it before that. So a new session takes the free channel after the last one that was taken, where
 * rhea would take the very one that has just become free.
 */
export class Channels {
  private readonly byRheaChannel = new Map<number, number>();
  private next = 0;

  /** The channel for a session that rhea begins on one of its own. @throws {RangeError} none is free */
  take(rheaChannel: number, limit: number, isTaken: (channel: number) => boolean): number {
    const channel = this.free(Math.min(limit, USUAL), limit, isTaken);
    this.next = channel + 1;
    this.byRheaChannel.set(rheaChannel, channel);
    return channel;
  }

  onWire(rheaChannel: number): number {
    return this.byRheaChannel.get(rheaChannel) ?? rheaChannel;
  }

  inRhea(channel: number): number {
    for (const [rheaChannel, onWire] of this.byRheaChannel) if (onWire === channel) return rheaChannel;
    return channel;
  }

  private free(usual: number, limit: number, isTaken: (channel: number) => boolean): number {
    for (let step = 0; step < usual; step += 1) {
      const channel = (this.next + step) % usual;
      if (!isTaken(channel)) return channel;
    }
    for (let channel = usual; channel < limit; channel += 1) if (!isTaken(channel)) return channel;
    throw new RangeError('no channel is free');
  }
}
