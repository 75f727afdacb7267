// A `$cbs` node played by a scripted peer: it writes down what is put, and answers as the test says.

import {
  decodeMessage,
  ScriptedPeer,
  type DecodedWireMessage,
  type PeerConnection,
  type PeerLink,
  type PeerScript,
  type WireMessage,
} from '../scripted-peer.js';

/** One put-token as it came. */
export interface Put {
  readonly audience: unknown;
  readonly type: unknown;
  readonly token: unknown;
  readonly request: DecodedWireMessage;
  readonly requests: PeerLink;
  /** The link on which answers go; `undefined`: there is none. */
  readonly answers: PeerLink | undefined;
  readonly via: PeerConnection;
  /** Answers this one. */
  answer(message: WireMessage): void;
}

/** What becomes of one: an answer with this status, or whatever the function does itself. */
export type Answer = (put: Put, index: number) => number | undefined;

export interface ClaimsNode {
  readonly peer: ScriptedPeer;
  readonly puts: readonly Put[];
}

/** @param script what else the peer does; its `on.transfer` is taken */
export async function claimsNode(
  answer: Answer = () => 202,
  script: PeerScript = {},
  node = '$cbs',
): Promise<ClaimsNode> {
  const puts: Put[] = [];
  const peer = await ScriptedPeer.listen({
    ...script,
    on: {
      ...script.on,
      transfer: (via, transfer, byDefault) => {
        const requests = via.sessions.get(transfer.channel)?.links.get(transfer.handle);
        if (requests?.address !== node || transfer.more === true) return byDefault();
        const put = putOf(peer, via, requests, node);
        puts.push(put);
        const statusCode = answer(put, puts.length - 1);
        // The answer before the disposition, as Azure's services have it.
        if (statusCode !== undefined) put.answer({ applicationProperties: { 'status-code': statusCode } });
        byDefault();
      },
    },
  });
  return { peer, puts };
}

function putOf(peer: ScriptedPeer, via: PeerConnection, requests: PeerLink, node: string): Put {
  const request = decodeMessage(peer.deliveries.at(-1)?.payload ?? Buffer.alloc(0));
  const { name, type } = request.applicationProperties ?? {};
  const answers = [...via.sessions.values()]
    .flatMap((session) => [...session.links.values()])
    .find((link) => link.clientRole === 'receiver' && link.address === node);
  return {
    audience: name,
    type,
    token: request.value,
    request,
    requests,
    answers,
    via,
    answer: (message) =>
      answers?.send({ properties: { correlationId: request.properties?.messageId }, value: null, ...message }),
  };
}
