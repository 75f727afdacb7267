// The links of one connection that are attached, being attached or being detached.

import type { PlaneLink } from '../session/session.js';
import type { Attachment } from './attachment.js';

/** Under the data plane's object and under rhea's name. */
export class Attachments {
  private readonly byLink = new Map<PlaneLink, Attachment>();
  private readonly byRheaName = new Map<string, Attachment>();

  /** Before rhea is told to attach. */
  register(link: PlaneLink, attachment: Attachment): void {
    this.byRheaName.set(attachment.rheaName, attachment);
    this.byLink.set(link, attachment);
  }

  of(link: PlaneLink): Attachment | undefined {
    return this.byLink.get(link);
  }

  named(rheaName: string): Attachment | undefined {
    return this.byRheaName.get(rheaName);
  }

  [Symbol.iterator](): IterableIterator<[PlaneLink, Attachment]> {
    return this.byLink.entries();
  }

  forget(link: PlaneLink): void {
    const attachment = this.byLink.get(link);
    if (attachment === undefined) return;
    this.byLink.delete(link);
    this.byRheaName.delete(attachment.rheaName);
  }

  /** Nothing more will come: rhea's waits end. */
  abandonAll(): void {
    for (const attachment of this.byLink.values()) attachment.abandonRhea();
    this.byLink.clear();
    this.byRheaName.clear();
  }
}
