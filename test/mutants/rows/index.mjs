// The faults of docs/parity.md: at least one for every row that a test holds.

import { kombuConnectionRows } from './kombu-connection.mjs';
import { kombuMessagesRows } from './kombu-messages.mjs';
import { kombuTopologyRows } from './kombu-topology.mjs';
import { uamqpConnectionRows } from './uamqp-connection.mjs';
import { uamqpReceivingRows } from './uamqp-receiving.mjs';
import { uamqpSendingRows } from './uamqp-sending.mjs';

export const rowMutants = [
  ...uamqpConnectionRows,
  ...uamqpSendingRows,
  ...uamqpReceivingRows,
  ...kombuConnectionRows,
  ...kombuMessagesRows,
  ...kombuTopologyRows,
];
