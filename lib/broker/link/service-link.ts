// A request arriving at a service node: decoded, answered, and the answer sent to where the request says.

import type {
  AmqpMessage,
  Outcome,
  PeerError,
  PeerSends,
  ReceiverLink,
  ServerDelivery,
  ServerLink,
  Terminus,
} from '../../protocol/acceptor/index.js';
import { ACCEPTED, DecodeError, decodeMessageInto, encodeMessage } from '../../protocol/acceptor/index.js';
import { MessageContent } from '../message/message-content.js';
import { parseAddress } from '../nodes/address.js';
import type { Router } from '../nodes/router.js';
import type { Service } from '../service/service.js';
import type { BrokerConnection } from './broker-connection.js';

export interface ServiceLinkOptions {
  readonly request: PeerSends;
  readonly connection: BrokerConnection;
  readonly service: Service;
  readonly target: Terminus;
  readonly router: Router;
  readonly maxMessageBytes: number;
  readonly onClosed: () => void;
}

/** RabbitMQ gives as many on its management node. */
const CREDIT = 8;

export class ServiceLink {
  readonly #link: ReceiverLink & ServerLink;

  /** Accepts the attach and gives credit. */
  constructor(private readonly options: ServiceLinkOptions) {
    this.#link = options.request.accept({
      target: options.target,
      maxMessageSize: options.maxMessageBytes,
      ...(options.request.properties['paired'] === true ? { properties: { paired: true } } : {}),
      onDelivery: (delivery, payload, start, end) => this.#receive(delivery, payload, start, end),
      onClosed: () => options.onClosed(),
    });
    this.#link.setPrefetch(CREDIT);
  }

  detach(error: PeerError): void {
    this.#link.close(error);
  }

  #receive(delivery: ServerDelivery, payload: Buffer, start: number, end: number): void {
    const outcome = delivery.oversized
      ? rejected('amqp:link:message-size-exceeded', 'the request is too large')
      : this.#serve(payload, start, end);
    if (delivery.presettled) delivery.done();
    else delivery.settle(outcome);
  }

  #serve(payload: Buffer, start: number, end: number): Outcome {
    const { service, connection } = this.options;
    const request: AmqpMessage = { body: undefined, bodyType: 'none' };
    try {
      decodeMessageInto(request, payload, start, end);
    } catch (error) {
      if (error instanceof DecodeError) return rejected('amqp:decode-error', error.message);
      throw error;
    }
    const deliver = this.#wayBack(request);
    if (deliver === undefined) {
      return rejected('amqp:precondition-failed', 'there is no link that could take the answer: no usable reply-to');
    }
    const answer = service.answer(request, connection);
    deliver({
      properties: {
        correlationId: request.properties?.correlationId ?? request.properties?.messageId,
        ...(answer.subject === undefined ? {} : { subject: answer.subject }),
        ...(request.properties?.replyTo === undefined ? {} : { to: request.properties.replyTo }),
      },
      applicationProperties: answer.applicationProperties,
      body: answer.body,
      bodyType: 'value',
    });
    return ACCEPTED;
  }

  /** A link that receives from this node, else a queue (a dynamic one, for example). */
  #wayBack(request: AmqpMessage): ((answer: AmqpMessage) => void) | undefined {
    const { service, connection, router } = this.options;
    const replyTo = request.properties?.replyTo;
    const link = connection.replies.find(service.name, replyTo, this.options.request.name);
    if (link !== undefined) return link.hasRoom ? (answer) => link.send(answer) : undefined;
    const address = parseAddress(replyTo, false);
    if (address.kind !== 'queue') return undefined;
    return (answer) => {
      const routed = router.route(address, new MessageContent(encodeMessage(answer)));
      // A reply address that is gone concerns nobody but the one who asked.
      if (routed.kind === 'routed') router.store(routed);
    };
  }
}

function rejected(condition: string, description: string): Outcome {
  return { kind: 'rejected', condition, description };
}
