// What the specs of this folder share.

import type { LoggerService, ModuleMetadata } from '@nestjs/common';

import { startAmqpTestApp, type AmqpTestApp, type AmqpTestAppOptions } from '../../lib/testing/index.js';

/** A promise and its ends, for a handler that waits until the test lets it go. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** Collects what handlers saw; `count(n)` resolves when there are n. */
export class Seen<T> {
  readonly values: T[] = [];
  private waiting: { readonly count: number; readonly done: () => void }[] = [];

  add(value: T): void {
    this.values.push(value);
    for (const { done } of this.waiting.filter(({ count }) => count <= this.values.length)) done();
  }

  count(count: number): Promise<void> {
    if (this.values.length >= count) return Promise.resolve();
    return new Promise((done) => void this.waiting.push({ count, done }));
  }
}

/** Keeps the lines instead of writing them. */
export class Lines implements LoggerService {
  readonly lines: string[] = [];
  log(line: unknown): void {
    this.lines.push(`log ${String(line)}`);
  }
  warn(line: unknown): void {
    this.lines.push(`warn ${String(line)}`);
  }
  error(line: unknown): void {
    this.lines.push(`error ${String(line)}`);
  }
  matching(pattern: RegExp): string[] {
    return this.lines.filter((line) => pattern.test(line));
  }
}

/** Boots, hands the application to `use`, and closes it whatever happened. */
export async function withApp(
  metadata: ModuleMetadata,
  use: (app: AmqpTestApp) => Promise<void>,
  options: AmqpTestAppOptions = {},
): Promise<void> {
  const app = await startAmqpTestApp(metadata, { logger: false, ...options });
  try {
    await use(app);
  } finally {
    await app.close();
  }
}
