// Why a message left its queue for the dead letters, and how that is written on it.

export interface Death {
  /** `max-length`: pushed out of a full queue with `overflow: 'drop-head'`. */
  readonly reason: 'rejected' | 'max-deliveries' | 'expired' | 'undeliverable' | 'max-length';
  /** The receiver's, with `rejected`. */
  readonly condition?: string | undefined;
  readonly description?: string | undefined;
}

/** Nobody decided it: a circle of such deaths would never end. */
export function isAutomatic(death: Death): boolean {
  return death.reason === 'expired' || death.reason === 'max-length';
}

/** The message annotations of a dead letter; those of an earlier death go. */
export function deathAnnotations(
  annotations: Readonly<Record<string, unknown>>,
  queue: string,
  death: Death,
): Record<string, unknown> {
  const kept = Object.entries(annotations).filter(([key]) => !key.startsWith('x-opt-death-'));
  return {
    ...Object.fromEntries(kept),
    'x-opt-death-reason': death.reason,
    'x-opt-death-queue': queue,
    ...(death.condition === undefined ? {} : { 'x-opt-death-condition': death.condition }),
    ...(death.description === undefined ? {} : { 'x-opt-death-description': death.description }),
  };
}
