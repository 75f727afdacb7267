// One ATTACH of the peer and its answer.

import type { PeerError } from '../errors.js';
import type { AttachFrame, ControlFrame } from '../frames/control-frames.js';
import type { PlaneSession } from '../session/session.js';
import type { AcceptedConnection, AttachRequest, PeerReceives, PeerSends } from './acceptor.js';

export interface AttachRequestOptions {
  readonly connection: AcceptedConnection;
  readonly session: PlaneSession;
  readonly frame: AttachFrame;
  readonly maxMessageBytes: number;
  /** On the session's channel. */
  readonly write: (frame: ControlFrame) => void;
  readonly endSession: (error: PeerError) => void;
}

/** A request, and a last word for one that was not answered. */
export interface PendingAttach {
  readonly forHandlers: AttachRequest;
  /** Does nothing once it was answered. */
  refuse(error: PeerError): void;
}

type PeerReceivesAnswer = Parameters<PeerReceives['accept']>[0];
type PeerSendsAnswer = Parameters<PeerSends['accept']>[0];

export function attachRequest(options: AttachRequestOptions): PendingAttach {
  const pending = new Pending(options);
  const { connection, frame } = options;
  const base = {
    connection,
    name: frame.name,
    source: frame.source,
    target: frame.target,
    coordinator: frame.coordinator,
    properties: frame.properties ?? {},
    desiredCapabilities: frame.desiredCapabilities ?? [],
    refuse: (error: PeerError) => pending.refuse(error),
    refuseSession: (error: PeerError) => pending.refuseSession(error),
  };
  const forHandlers: AttachRequest =
    frame.role === 'receiver'
      ? {
          ...base,
          role: 'peer-receives',
          settleMode: frame.senderSettleMode ?? 'mixed',
          accept: (answer) => pending.send(answer),
        }
      : { ...base, role: 'peer-sends', accept: (answer) => pending.receive(answer) };
  return { forHandlers, refuse: (error) => pending.refuse(error) };
}

class Pending {
  #isAnswered = false;

  constructor(private readonly options: AttachRequestOptions) {}

  refuse(error: PeerError): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    const { frame, write } = this.options;
    const { name, handle } = frame;
    // The terminus that was asked of us is null, the peer's own comes back as it is (section 2.6.3).
    if (frame.role === 'receiver') write({ kind: 'attach', name, handle, role: 'sender', target: frame.target });
    else write({ kind: 'attach', name, handle, role: 'receiver', source: frame.source });
    write({ kind: 'detach', handle, closed: true, error });
  }

  refuseSession(error: PeerError): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.options.endSession(error);
  }

  send(answer: PeerReceivesAnswer): ReturnType<PeerReceives['accept']> {
    this.#answer();
    const { frame, session, write } = this.options;
    const { name, handle } = frame;
    const link = session.createSender({
      name,
      address: answer.source.address ?? '',
      settleMode: frame.senderSettleMode ?? 'mixed',
      onSendable: answer.onSendable,
      onDrain: answer.onDrain,
      onClosed: ({ closed, peerError }) => answer.onClosed(closed, peerError),
    });
    write({
      kind: 'attach',
      name,
      handle,
      role: 'sender',
      senderSettleMode: frame.senderSettleMode ?? 'mixed',
      receiverSettleMode: frame.receiverSettleMode ?? 'first',
      source: answer.source,
      target: frame.target,
      initialDeliveryCount: 0,
      properties: answer.properties,
      offeredCapabilities: answer.offeredCapabilities,
    });
    return link;
  }

  receive(answer: PeerSendsAnswer): ReturnType<PeerSends['accept']> {
    this.#answer();
    const { frame, session, write, maxMessageBytes } = this.options;
    const { name, handle } = frame;
    const link = session.createReceiver({
      name,
      address: answer.target.address ?? '',
      maxMessageBytes: answer.maxMessageSize ?? maxMessageBytes,
      onDelivery: answer.onDelivery,
      onClosed: ({ closed, peerError }) => answer.onClosed(closed, peerError),
    });
    write({
      kind: 'attach',
      name,
      handle,
      role: 'receiver',
      senderSettleMode: frame.senderSettleMode ?? 'mixed',
      receiverSettleMode: 'first',
      source: frame.source,
      target: answer.target,
      coordinator: answer.coordinator,
      maxMessageSize: answer.maxMessageSize,
      properties: answer.properties,
      offeredCapabilities: answer.offeredCapabilities,
    });
    return link;
  }

  #answer(): void {
    if (this.#isAnswered) throw new Error('an attach is answered once, before onAttach returns');
    this.#isAnswered = true;
  }
}
