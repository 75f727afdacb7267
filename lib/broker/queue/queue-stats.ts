/** What happened in a queue since it was made. `enqueued` = `ready` + `unsettled` + `accepted` + `deadLettered` + `dropped` + `purged`. */
export interface QueueStats {
  /** Can be delivered. */
  readonly ready: number;
  /** Delivered and not settled. */
  readonly unsettled: number;
  /** Waiting for their time of delivery; they count as enqueued when it comes. */
  readonly scheduled: number;
  /** Links that take messages away or browse them. */
  readonly consumers: number;
  readonly enqueued: number;
  /** Deliveries, each redelivery included; browsing does not count. */
  readonly delivered: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly released: number;
  readonly modified: number;
  readonly deadLettered: number;
  /** Lifetimes that ended here; such a message is a dead letter or dropped besides. */
  readonly expired: number;
  /** Rejected, expired, undeliverable or over a limit, with no place for dead letters. */
  readonly dropped: number;
  readonly purged: number;
}

/** The counters that only grow. */
export type QueueCounters = {
  -readonly [Name in Exclude<keyof QueueStats, 'ready' | 'unsettled' | 'scheduled' | 'consumers'>]: QueueStats[Name];
};

export function newCounters(): QueueCounters {
  return {
    enqueued: 0,
    delivered: 0,
    accepted: 0,
    rejected: 0,
    released: 0,
    modified: 0,
    deadLettered: 0,
    expired: 0,
    dropped: 0,
    purged: 0,
  };
}
