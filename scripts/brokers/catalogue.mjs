// The real brokers that tests can be run on.
import { activemq } from './activemq.mjs';
import { artemis } from './artemis.mjs';
import { qpid } from './qpid.mjs';
import { rabbitmq3, rabbitmq4 } from './rabbitmq.mjs';

export const BROKERS = [rabbitmq4, rabbitmq3, activemq, artemis, qpid];
