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

it.each([
  ['azure', 'orders/ConsumerGroups/$Default/Partitions/0', 'eventhubs'],
  ['azure', 'orders/ConsumerGroups/$Default', 'eventhubs'],
  ['azure', 'amqps://shop.servicebus.windows.net/orders/Partitions/12', 'eventhubs'],
  ['azure', 'orders', 'servicebus'],
  ['azure', 'orders/Subscriptions/all', 'servicebus'],
  ['azure', 'Partitions/0', 'servicebus'],
  ['artemis', 'orders/Partitions/0', 'activemq'],
])("an address of %s, %s, is of '%s'", (profile, address, system) => {
  expect(systemOf(profile, address)).toBe(system);
});
