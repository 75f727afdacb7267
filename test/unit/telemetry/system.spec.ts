import { expect, it } from '@jest/globals';
import { systemOf } from '../../../lib/telemetry/operation.js';

it.each([
  ['rabbitmq-3', 'rabbitmq'],
  ['rabbitmq-4', 'rabbitmq'],
  ['activemq', 'activemq'],
  ['artemis', 'activemq'],
  ['azure', 'servicebus'],
  ['qpid', 'amqp'],
  ['generic', 'amqp'],
  [undefined, 'amqp'],
])("a peer of the profile %s is called as the convention says: '%s'", (profile, system) => {
  expect(systemOf(profile)).toBe(system);
});
