// One session of a client: attaches and detaches links, and ends.

import { linkDetachedHere } from '../amqp-error.js';
import type { ProtocolSession } from '../connection.js';
import type {
  AttachCoordinatorOptions,
  AttachReceiverOptions,
  AttachSenderOptions,
  CoordinatorLink,
  ReceiverLink,
  SenderLink,
  Terminus,
} from '../links.js';
import { TransactionCoordinator } from '../coordinator.js';
import { LinkError, AmqpError } from '../errors.js';
import type { PlaneSenderOptions } from '../session/sender.js';
import type { PlaneLink, PlaneSession } from '../session/session.js';
import { Attachment, type AttachRequest, type RheaLinkPromise } from './attachment.js';
import type { FrameExchange } from './frame-exchange.js';
import type { RheaSession } from './rhea.js';

export class ControlSession implements ProtocolSession {
  private ending: Promise<void> | undefined;

  constructor(
    private readonly plane: PlaneSession,
    private readonly rhea: RheaSession,
    private readonly exchange: FrameExchange,
    private readonly nextName: () => string,
  ) {}

  get isOpen(): boolean {
    return this.plane.isOpen && this.ending === undefined;
  }

  get handleMax(): number {
    return this.plane.handleMax;
  }

  get linkCount(): number {
    return this.plane.linkCount;
  }

  async attachSender(options: AttachSenderOptions): Promise<SenderLink> {
    const { name, settleMode, onSendable, onDrained } = options;
    const address = addressOf(options.target);
    const request: AttachRequest = {
      ...requestOf(options),
      role: 'sender',
      senderSettleMode: settleMode,
      initialDeliveryCount: 0,
    };
    const link = await this.attach(
      address,
      request,
      options.onClosed,
      options.signal,
      (hooks) => this.plane.createSender({ name, address, settleMode, onSendable, onDrained, ...hooks }),
      (rheaName, signal) => this.rhea.createSender({ name: rheaName, target: { address: '' }, abortSignal: signal }),
    );
    return link;
  }

  async attachReceiver(options: AttachReceiverOptions): Promise<ReceiverLink> {
    const { name, maxMessageBytes, creditWhenUsedUp, drains, onDelivery, advertisedMaxMessageSize } = options;
    const address = addressOf(options.source);
    const request: AttachRequest = {
      ...requestOf(options),
      role: 'receiver',
      senderSettleMode: options.settleMode,
      maxMessageSize: advertisedMaxMessageSize,
    };
    return this.attach(
      address,
      request,
      options.onClosed,
      options.signal,
      (hooks) =>
        this.plane.createReceiver({ name, address, maxMessageBytes, creditWhenUsedUp, drains, onDelivery, ...hooks }),
      (rheaName, signal) =>
        this.rhea.createReceiver({
          name: rheaName,
          source: { address: '' },
          credit_window: 0,
          autoaccept: false,
          autosettle: false,
          abortSignal: signal,
        }),
    );
  }

  async attachCoordinator(options: AttachCoordinatorOptions): Promise<CoordinatorLink> {
    const { name, capabilities = [], signal, onClosed } = options;
    const address = 'coordinator';
    const coordinator = new TransactionCoordinator();
    const request: AttachRequest = {
      name,
      role: 'sender',
      senderSettleMode: 'unsettled',
      receiverSettleMode: 'first',
      source: {},
      coordinator: { capabilities },
      initialDeliveryCount: 0,
    };
    let offered: readonly string[] = [];
    const link = await this.attach(
      address,
      request,
      (error) => {
        coordinator.ended(error);
        onClosed(error);
      },
      signal,
      (hooks) =>
        this.plane.createSender({
          name,
          address,
          settleMode: 'unsettled',
          onSendable: () => coordinator.pump(),
          ...hooks,
          onAttached: (frame) => {
            offered = frame.coordinator?.capabilities ?? [];
            hooks.onAttached?.(frame);
          },
        }),
      (rheaName, abortSignal) => this.rhea.createSender({ name: rheaName, target: { address: '' }, abortSignal }),
    );
    coordinator.attached(link, offered);
    return coordinator;
  }

  end(options: { readonly timeoutMs: number }): Promise<void> {
    this.ending ??= this.endOnce(options.timeoutMs);
    return this.ending;
  }

  private async endOnce(timeoutMs: number): Promise<void> {
    if (!this.plane.isOpen) return;
    const abort = new AbortController();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.plane.onEnded = () => {
        clearTimeout(timer);
        resolve();
      };
      this.rhea.close({ abortSignal: abort.signal }).catch(() => undefined); // our own wait tells
    });
    abort.abort();
  }

  private async attach<Link extends PlaneLink>(
    address: string,
    request: AttachRequest,
    onClosed: (error: AmqpError) => void,
    signal: AbortSignal,
    create: (hooks: Pick<PlaneSenderOptions, 'onAttached' | 'onClosed'>) => Link,
    begin: (rheaName: string, signal: AbortSignal) => RheaLinkPromise,
  ): Promise<Link> {
    signal.throwIfAborted();
    const { name } = request;
    if (!this.isOpen)
      throw AmqpError.inOwnWords(
        new LinkError(`the link '${name}' cannot be attached: its session has ended`, address, name),
      );
    if (this.linkCount > this.handleMax)
      throw AmqpError.inOwnWords(
        new LinkError(`the link '${name}' cannot be attached: the session is full`, address, name),
      );
    if (this.plane.link(request.role, name) !== undefined)
      throw AmqpError.inOwnWords(
        new LinkError(`the link '${name}' is attached on this session already`, address, name),
      );
    const attachment = new Attachment(this.nextName(), request, address, onClosed);
    const link = create({ onClosed: (end) => attachment.linkEnded(end) });
    this.exchange.attachments.register(link, attachment);
    attachment.begin((abortSignal) => begin(attachment.rheaName, abortSignal));
    await attachment.settle(link, signal);
    if (!link.isOpen) throw linkDetachedHere(link);
    return link;
  }
}

function requestOf(options: AttachSenderOptions | AttachReceiverOptions): Omit<AttachRequest, 'role'> {
  const { name, source, target, properties, offeredCapabilities, desiredCapabilities } = options;
  return { name, source, target, properties, offeredCapabilities, desiredCapabilities, receiverSettleMode: 'first' };
}

function addressOf(terminus: Terminus): string {
  if (terminus.dynamic === true) return 'a dynamic node';
  return terminus.address ?? 'the anonymous terminus';
}
