import { Module } from '@nestjs/common';
import { AmqpModule } from 'nestjs-amqp10';
import { channels, readInput } from './input-file.js';
import { Ledger } from './ledger.js';
import { PartnerOrders, ShopOrders, WebOrders } from './orders/order.consumers.js';
import { OrderDesk, SABOTAGED_MESSAGE } from './orders/order-desk.js';
import { OrderPublisher } from './orders/order-publisher.js';
import { run } from './run/current-run.js';

@Module({
  imports: [
    AmqpModule.forRoot({ uri: run.connectTo }),
    AmqpModule.forFeature({ senders: channels.map((channel) => ({ name: channel, target: run.queue(channel) })) }),
  ],
  providers: [
    Ledger,
    OrderDesk,
    OrderPublisher,
    WebOrders,
    ShopOrders,
    PartnerOrders,
    { provide: SABOTAGED_MESSAGE, useFactory: sabotagedMessage },
  ],
})
export class AppModule {}

/** The message that is dropped under `--sabotage drop-one`: a valid one from the middle of the file. */
async function sabotagedMessage(): Promise<string | undefined> {
  if (run.sabotage === undefined) return undefined;
  const lines = await readInput();
  const repeated = new Set(lines.filter(({ reason }) => reason === 'duplicate').map(({ id }) => id));
  const victim = lines.slice(lines.length / 2).find(({ id, reason }) => reason === 'valid' && !repeated.has(id));
  return victim && run.messageId(victim.id);
}
