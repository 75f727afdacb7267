// The links of one session: by name and role while they are made, by handle once they are attached.

import type { AttachFrame, DetachFrame } from '../frames/control-frames.js';
import { FramingError } from '../frames/scan.js';
import type { PlaneReceiver } from './receiver.js';
import type { PlaneSender } from './sender.js';

export type PlaneLink = PlaneSender | PlaneReceiver;

export class SessionLinks {
  /** `undefined`: attached only to be refused; its frames are ignored. */
  readonly byRemoteHandle = new Map<number, PlaneLink | undefined>();
  readonly byLocalHandle = new Map<number, PlaneLink | undefined>();

  private readonly senders = new Map<string, PlaneSender>();
  private readonly receivers = new Map<string, PlaneReceiver>();
  /** Attaches of the peer that no link of ours stands for yet, by our role and the name. */
  private readonly askedFor = new Map<string, AttachFrame>();

  get count(): number {
    return this.senders.size + this.receivers.size;
  }

  /** By our role on the link. */
  named(role: 'sender' | 'receiver', name: string): PlaneLink | undefined {
    return role === 'sender' ? this.senders.get(name) : this.receivers.get(name);
  }

  /** A link whose ATTACH of ours comes next; the peer's may have come already. @throws {RangeError} there is one of its name */
  add(link: PlaneLink): void {
    const { role, name } = link;
    if (this.named(role, name) !== undefined)
      throw new RangeError(`the session has a link '${name}' of this role already`);
    if (link.role === 'sender') this.senders.set(name, link);
    else this.receivers.set(name, link);
    const asked = this.askedFor.get(`${role} ${name}`);
    if (asked === undefined) return;
    this.askedFor.delete(`${role} ${name}`);
    this.byRemoteHandle.set(asked.handle, link);
    link.attachReceived(asked);
  }

  attachSent(frame: AttachFrame): void {
    const link = this.named(frame.role, frame.name);
    this.byLocalHandle.set(frame.handle, link);
    this.askedFor.delete(`${frame.role} ${frame.name}`);
    link?.attachSent(frame);
  }

  attachReceived(frame: AttachFrame): void {
    if (this.byRemoteHandle.get(frame.handle) !== undefined)
      throw new FramingError(`an attach with handle ${frame.handle}, which is in use`, 'amqp:session:handle-in-use');
    const ours = frame.role === 'sender' ? 'receiver' : 'sender';
    const link = this.named(ours, frame.name);
    if (link?.isAttachReceived === true)
      throw new FramingError(`a second attach of the link '${frame.name}'`, 'amqp:not-allowed');
    this.byRemoteHandle.set(frame.handle, link);
    if (link === undefined) this.askedFor.set(`${ours} ${frame.name}`, frame);
    else link.attachReceived(frame);
  }

  detachSent(frame: DetachFrame): void {
    const link = this.byLocalHandle.get(frame.handle);
    this.byLocalHandle.delete(frame.handle);
    if (link === undefined) return;
    link.detachSent();
    if (link.isDetachReceived) this.forget(link);
  }

  detachReceived(frame: DetachFrame): void {
    this.mustKnow('detach', frame.handle);
    const link = this.byRemoteHandle.get(frame.handle);
    this.byRemoteHandle.delete(frame.handle);
    for (const [key, asked] of this.askedFor) if (asked.handle === frame.handle) this.askedFor.delete(key);
    if (link === undefined) return;
    link.detachReceived(frame);
    if (link.isDetachSent) this.forget(link);
  }

  /** All of them, which are the session's no longer. */
  takeAll(): PlaneLink[] {
    const links = [...this.senders.values(), ...this.receivers.values()];
    this.senders.clear();
    this.receivers.clear();
    this.byLocalHandle.clear();
    this.byRemoteHandle.clear();
    this.askedFor.clear();
    return links;
  }

  /** @throws {FramingError} the peer never attached this handle */
  mustKnow(what: string, handle: number): void {
    if (this.byRemoteHandle.has(handle)) return;
    throw new FramingError(`a ${what} on handle ${handle}, which is not attached`, 'amqp:session:unattached-handle');
  }

  private forget(link: PlaneLink): void {
    if (link.role === 'sender') this.senders.delete(link.name);
    else this.receivers.delete(link.name);
  }
}
