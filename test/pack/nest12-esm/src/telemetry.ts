// Spans of what passes, by a provider of its own.
import assert from 'node:assert/strict';

import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { EmbeddedBroker } from 'nestjs-amqp10/broker';
import { AmqpConnection } from 'nestjs-amqp10/client';
import { AmqpInstrumentation } from 'nestjs-amqp10/telemetry';

export async function checkTelemetry(): Promise<void> {
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const observer = new AmqpInstrumentation({ tracerProvider });
  const broker = await EmbeddedBroker.start({ port: false });
  const connection = new AmqpConnection({ uri: broker.uri, dial: broker.dial, observer });
  await connection.createSendClient('orders').send(1);
  assert.deepEqual(
    exporter.getFinishedSpans().map(({ name }) => name),
    ['send orders'],
  );
  await connection.close();
  await broker.stop();
}
