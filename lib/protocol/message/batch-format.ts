/** The message-format of a batch: each data section of its body holds one encoded message (Azure's, and uamqp's). */
export const BATCH_FORMAT = 0x8001_3700;
