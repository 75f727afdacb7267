// Where a service node's answers go: links of the same connection that receive from the node.

import type { AmqpMessage, PeerError, PeerReceives, ServerSender, Terminus } from '../../protocol/acceptor/index.js';
import { encodeMessage } from '../../protocol/acceptor/index.js';
import type { ServiceName } from '../nodes/address.js';
import { BrowseTransfer } from '../link/delivery-transfer.js';

/** Answers that wait for credit, per link. */
const MAX_WAITING = 1_000;

export class ReplyLink {
  /** What a request's reply-to may say to mean this link. */
  readonly names: readonly string[];
  readonly #sender: ServerSender;
  #waiting: Buffer[] = [];

  /** Accepts the attach. */
  constructor(request: PeerReceives, source: Terminus, onClosed: (link: ReplyLink) => void) {
    const { target, name } = request;
    this.names = [target?.address, name].filter((text) => typeof text === 'string');
    this.#sender = request.accept({
      source,
      ...(request.properties['paired'] === true ? { properties: { paired: true } } : {}),
      onSendable: () => this.#flush(),
      onDrain: () => this.#flush(),
      onClosed: () => {
        this.#waiting = [];
        onClosed(this);
      },
    });
  }

  get hasRoom(): boolean {
    return this.#waiting.length < MAX_WAITING;
  }

  send(message: AmqpMessage): void {
    this.#waiting.push(encodeMessage(message));
    this.#flush();
  }

  detach(error: PeerError): void {
    this.#waiting = [];
    this.#sender.close(error);
  }

  #flush(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#sender.credit > 0; next = this.#waiting[0]) {
      if (!this.#sender.send(new BrowseTransfer(next, 0, true))) return;
      this.#waiting.shift();
    }
  }
}

/** The reply links of one connection. */
export class ReplyLinks {
  readonly #links = new Map<ServiceName, ReplyLink[]>();

  add(service: ServiceName, link: ReplyLink): void {
    this.#links.set(service, [...(this.#links.get(service) ?? []), link]);
  }

  remove(service: ServiceName, link: ReplyLink): void {
    this.#links.set(
      service,
      (this.#links.get(service) ?? []).filter((other) => other !== link),
    );
  }

  /**
   * By the request's reply-to; `$me` is the link that is named like the requesting one. Where that names none, the only link there is.
   */
  find(service: ServiceName, replyTo: string | undefined, requestLinkName: string): ReplyLink | undefined {
    const links = this.#links.get(service) ?? [];
    const wanted = replyTo === undefined || replyTo === '$me' ? requestLinkName : replyTo;
    return links.find((link) => link.names.includes(wanted)) ?? (links.length === 1 ? links[0] : undefined);
  }
}
