// Entry "./testing": an application on an embedded broker, for a user's own tests.
export { type RecordedMessage } from './recorded-message.js';
export { startAmqpTestApp, type AmqpTestApp, type AmqpTestAppOptions } from './start-amqp-test-app.js';
