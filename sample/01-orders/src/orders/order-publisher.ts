import { Injectable } from '@nestjs/common';
import { createMessage, InjectSendClient, type AmqpMessage, type SendClient } from 'nestjs-amqp10';
import { channels, type Channel, type InputLine } from '../input-file.js';
import { run } from '../run/current-run.js';

/** How many lines of a channel are under way at once. */
const CHUNK = 200;

/** Sends the order lines, each channel's in the order of the file. */
@Injectable()
export class OrderPublisher {
  /** The ids of the lines that the peer has accepted, in that order. */
  readonly accepted: string[] = [];
  private readonly clients: Record<Channel, SendClient>;

  constructor(
    @InjectSendClient('web') web: SendClient,
    @InjectSendClient('shop') shop: SendClient,
    @InjectSendClient('partner') partner: SendClient,
  ) {
    this.clients = { web, shop, partner };
  }

  /** Resolves when the peer has accepted every line; rejects with the first failure. */
  async publish(lines: readonly InputLine[]): Promise<void> {
    await Promise.all(
      channels.map(async (channel) =>
        this.publishTo(
          this.clients[channel],
          lines.filter((line) => line.channel === channel),
        ),
      ),
    );
  }

  private async publishTo(client: SendClient, lines: readonly InputLine[]): Promise<void> {
    for (let at = 0; at < lines.length; at += CHUNK) {
      const chunk = lines.slice(at, at + CHUNK);
      const results = await client.sendBatch(chunk.map(messageOf));
      for (const [index, result] of results.entries()) {
        if (!result.ok) throw result.error;
        this.accepted.push(chunk[index]?.id ?? '');
      }
    }
  }
}

/** The bytes go out as they stand in the file, whatever they are, said to be JSON: that is what the channels do. */
function messageOf(line: InputLine): AmqpMessage {
  const customer = /"id":"(C-\d+)"/.exec(line.body.toString())?.[1];
  return createMessage({
    properties: {
      messageId: run.messageId(line.id),
      subject: 'order.placed',
      contentType: 'application/json',
      ...(customer === undefined ? {} : { groupId: customer }),
    },
    header: { durable: true },
    body: line.body,
    bodyType: 'data',
  });
}
