// Sessions and links of an accepted connection: every BEGIN, ATTACH, DETACH and END of the peer gets its answer.

import type { PeerError } from '../errors.js';
import type { AttachFrame, BeginFrame, ControlFrame, DetachFrame } from '../frames/control-frames.js';
import { FramingError } from '../frames/framing-error.js';
import type { DetachOptions } from '../session/detachment.js';
import type { Plane } from '../session/plane.js';
import { INCOMING_WINDOW, type PlaneLink, type PlaneSession } from '../session/session.js';
import type { AcceptedConnection, AcceptorOptions, AttachRequest } from './acceptor.js';
import { attachRequest } from './attach-request.js';

export interface ServerSessionsOptions {
  readonly connection: AcceptedConnection;
  readonly plane: Plane;
  readonly options: AcceptorOptions;
  readonly onAttach: (request: AttachRequest) => void;
  /** Into the writer, and past the plane. */
  readonly write: (channel: number, frame: ControlFrame) => void;
}

const OUTGOING_WINDOW = 0x7fff_ffff;
/** A link name is kept as long as its link: what one costs is bounded. */
const MAX_NAME_LENGTH = 1_024;

/** Channels and handles of ours are the peer's: each side gives one up no earlier than the other. */
export class ServerSessions {
  constructor(private readonly sessions: ServerSessionsOptions) {}

  /** @throws {FramingError} */
  received(channel: number, frame: Exclude<ControlFrame, { kind: 'open' | 'close' }>): void {
    switch (frame.kind) {
      case 'begin':
        return this.#onBegin(channel, frame);
      case 'attach':
        return this.#onAttach(channel, frame);
      case 'detach':
        return this.#onDetach(channel, frame);
      case 'end':
        return this.#onEnd(channel, frame);
    }
  }

  /** Writes DETACH for a link of ours. */
  detach(link: PlaneLink, { closed, error }: DetachOptions): void {
    this.sessions.write(link.session.channel, { kind: 'detach', handle: link.handle, closed, error });
  }

  #onBegin(channel: number, frame: BeginFrame): void {
    const { plane, options, connection, write } = this.sessions;
    const highest = Math.min(options.channelMax, connection.peer.channelMax);
    if (channel > highest) throw new FramingError(`channel ${channel} is over the channel-max of ${highest}`);
    if (frame.remoteChannel !== undefined) throw new FramingError('a begin that answers none', 'amqp:not-allowed');
    plane.received(channel, frame);
    write(channel, {
      kind: 'begin',
      remoteChannel: channel,
      nextOutgoingId: 0,
      incomingWindow: INCOMING_WINDOW,
      outgoingWindow: OUTGOING_WINDOW,
      handleMax: options.handleMax,
    });
  }

  #onAttach(channel: number, frame: AttachFrame): void {
    const { plane, connection, options, write, onAttach } = this.sessions;
    const known = plane.sessionByRemoteChannel(channel);
    if (known !== undefined && !known.isEndSent && hasLink(known, frame)) {
      // The frames of two links of one name and direction could not be told apart.
      const description = `the session has a link of the name '${frame.name}' already`;
      write(known.channel, { kind: 'end', error: { condition: 'amqp:not-allowed', description } });
    }
    plane.received(channel, frame);
    const session = plane.sessionByRemoteChannel(channel);
    // A session that was ended here answers nothing more.
    if (session === undefined || session.isEndSent) return;
    const request = attachRequest({
      connection,
      session,
      frame,
      maxMessageBytes: options.maxMessageBytes,
      write: (answer) => write(session.channel, answer),
      endSession: (error) => write(session.channel, { kind: 'end', error }),
    });
    const problem = problemWith(session, frame);
    if (problem !== undefined) request.refuse(problem);
    else onAttach(request.forHandlers);
    request.refuse({ condition: 'amqp:internal-error', description: 'nobody answered the attach' });
  }

  #onDetach(channel: number, frame: DetachFrame): void {
    const { plane } = this.sessions;
    const link = plane.sessionByRemoteChannel(channel)?.linkByRemoteHandle(frame.handle);
    plane.received(channel, frame);
    if (link !== undefined && !link.isDetachSent) this.detach(link, { closed: frame.closed });
  }

  #onEnd(channel: number, frame: Extract<ControlFrame, { kind: 'end' }>): void {
    const { plane, write } = this.sessions;
    const session = plane.sessionByRemoteChannel(channel);
    plane.received(channel, frame);
    if (session !== undefined && !session.isEndSent) write(session.channel, { kind: 'end' });
  }
}

function hasLink(session: PlaneSession, frame: AttachFrame): boolean {
  return session.link(frame.role === 'sender' ? 'receiver' : 'sender', frame.name) !== undefined;
}

function problemWith(session: PlaneSession, frame: AttachFrame): PeerError | undefined {
  if (frame.handle > session.handleMax) {
    return {
      condition: 'amqp:resource-limit-exceeded',
      description: 'the handle is over the handle-max of both sides',
    };
  }
  if (frame.name.length <= MAX_NAME_LENGTH) return undefined;
  return { condition: 'amqp:invalid-field', description: `a link name has at most ${MAX_NAME_LENGTH} characters` };
}
