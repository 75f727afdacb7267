import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';

import { cloudEventOf, type ReceivedMessage } from '../client/index.js';
import type { AmqpContext } from './amqp-context.js';

type Pipes = (PipeTransform | Type<PipeTransform>)[];

// Each of these hands a batch handler one element per message, in the order of the payload.

const Header = fromSection((message) => message.header);
const Property = fromSection((message) => message.properties);
const ApplicationProperty = fromSection((message) => message.applicationProperties);
const Annotation = fromSection((message) => message.messageAnnotations);
const DeliveryOf = createParamDecorator((_data: undefined, host: ExecutionContext) =>
  ofEach(host, (message) => message.delivery),
);

const CloudEventOf = createParamDecorator((_data: undefined, host: ExecutionContext) => ofEach(host, cloudEventOf));

/** The header section (`durable`, `priority`, `ttl`, `deliveryCount`, ...) or one field of it; an absent field is `undefined`. */
export function AmqpHeader(name?: string, ...pipes: Pipes): ParameterDecorator {
  return Header(name, ...pipes);
}

/** The properties section (`messageId`, `subject`, `groupId`, ...) or one field of it; an absent field is `undefined`. */
export function AmqpProperty(name?: string, ...pipes: Pipes): ParameterDecorator {
  return Property(name, ...pipes);
}

/** The application properties or one of them; an absent one is `undefined`. */
export function AmqpApplicationProperty(name?: string, ...pipes: Pipes): ParameterDecorator {
  return ApplicationProperty(name, ...pipes);
}

/** The message annotations (`x-opt-...`) or one of them; an absent one is `undefined`. */
export function AmqpAnnotation(name?: string, ...pipes: Pipes): ParameterDecorator {
  return Annotation(name, ...pipes);
}

/** The delivery: its count, and `accept`, `release`, `reject`, `modify`. */
export function AmqpDelivery(...pipes: Pipes): ParameterDecorator {
  return DeliveryOf(undefined, ...pipes);
}

/** The CloudEvent that the message carries, in either mode; where it carries none, the policy gets a DecodeError. */
export function AmqpCloudEvent(...pipes: Pipes): ParameterDecorator {
  return CloudEventOf(undefined, ...pipes);
}

function fromSection(section: (message: ReceivedMessage) => object | undefined) {
  return createParamDecorator((name: string | undefined, host: ExecutionContext) =>
    ofEach(host, (message) => {
      const fields = section(message) ?? {};
      return name === undefined ? fields : field(fields, name);
    }),
  );
}

function ofEach(host: ExecutionContext, pick: (message: ReceivedMessage) => unknown): unknown {
  const context = host.switchToRpc().getContext<AmqpContext>();
  return context.batch === undefined ? pick(context.getMessage()) : context.batch.map(pick);
}

/** Names come from the developer, but `constructor` or `toString` must not read what every object has. */
function field(fields: object, name: string): unknown {
  return name in Object.prototype && !Object.hasOwn(fields, name) ? undefined : Reflect.get(fields, name);
}
