import type { Example } from '../example.js';
import { batch } from './batch.js';
import { connectionProperties } from './connection-properties.js';
import { continuousReceive } from './continuous-receive.js';
import { errorPolicy } from './error-policy.js';
import { managementRequest } from './management-request.js';
import { prefetchTuning } from './prefetch-tuning.js';
import { queueAndSendAll } from './queue-and-send-all.js';
import { receiveBatch } from './receive-batch.js';
import { settleModes } from './settle-modes.js';
import { singleSend } from './single-send.js';

/** In the order of uamqp's documentation. */
export const examples: readonly Example[] = [
  singleSend,
  queueAndSendAll,
  batch,
  receiveBatch,
  continuousReceive,
  settleModes,
  errorPolicy,
  connectionProperties,
  prefetchTuning,
  managementRequest,
];
