import { Inject, Injectable, Logger } from '@nestjs/common';

import {
  type AmqpConnection,
  AmqpError,
  ClientClosedError,
  InvalidOptionsError,
  type Subscription,
} from '../../client/index.js';
import { AmqpDashboard } from '../dashboard.js';

/** What an action is answered with, as JSON. */
export interface ActionAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What is not done by then goes on without anybody waiting for it. */
const PATIENCE_MS = 30_000;
const MOST_CHARACTERS = 500;
const DEFAULT_REDRIVE = 100;
const MOST_REDRIVE = 10_000;

type Input = Readonly<Record<string, unknown>>;
type Action = (input: Input) => Promise<Readonly<Record<string, unknown>>>;

/** Refused before anything was tried. */
class ActionRefused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** What the page can do. */
@Injectable()
export class DashboardActions {
  private readonly logger = new Logger('AmqpDashboard');
  private readonly redriving = new Set<string>();
  private readonly actions: ReadonlyMap<string, Action> = new Map<string, Action>([
    ['pause', (input) => this.pause(input)],
    ['resume', (input) => this.resume(input)],
    ['inspect', (input) => this.inspect(input)],
    ['redrive', (input) => this.redrive(input)],
  ]);

  constructor(@Inject(AmqpDashboard) private readonly dashboard: AmqpDashboard) {}

  /** Never rejects. */
  async run(name: string, body: unknown): Promise<ActionAnswer> {
    const action = this.actions.get(name);
    if (action === undefined) return failure(404, 'no-such-action', `there are ${[...this.actions.keys()].join(', ')}`);
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      return failure(400, 'no-object', 'the body is a JSON object (is the body parser of the application off?)');
    try {
      // true: an object that is no array
      const work = action(body as Input);
      const result = await within(work);
      if (result !== undefined) return { status: 200, body: { ok: true, done: true, ...result } };
      // Nobody waits for it any more: only the log can say how it failed.
      work.catch((error: unknown) => this.failed(name, error));
      return { status: 202, body: { ok: true, done: false } };
    } catch (error) {
      return this.failed(name, error);
    }
  }

  private async pause(input: Input): Promise<Input> {
    const { name, consumer } = this.consumerOf(input);
    this.logger.log(`paused by the dashboard: ${JSON.stringify(name)}`);
    await consumer.pause();
    return { state: consumer.state };
  }

  private async resume(input: Input): Promise<Input> {
    const { name, consumer } = this.consumerOf(input);
    this.logger.log(`resumed by the dashboard: ${JSON.stringify(name)}`);
    await consumer.resume();
    return { state: consumer.state };
  }

  /** Only what is safe to show: no arguments, which may hold anything. */
  private async inspect(input: Input): Promise<Input> {
    const { connection } = this.connectionOf(input);
    const info = await connection.topology.inspect(textOf(input, 'queue'));
    return { queue: info.name, type: info.type, messages: info.messageCount, consumers: info.consumerCount };
  }

  private async redrive(input: Input): Promise<Input> {
    const { name, connection } = this.connectionOf(input);
    const from = textOf(input, 'from');
    const to = input['to'] === undefined || input['to'] === '' ? undefined : textOf(input, 'to');
    const { max = DEFAULT_REDRIVE } = input;
    if (typeof max !== 'number' || !Number.isInteger(max) || max < 1 || max > MOST_REDRIVE)
      throw new ActionRefused(400, 'max', `max: a whole number from 1 to ${MOST_REDRIVE}`);
    const key = JSON.stringify([name, from]);
    if (this.redriving.has(key)) throw new ActionRefused(409, 'running', 'these dead letters are being moved already');
    this.redriving.add(key);
    try {
      this.logger.log(`redrive by the dashboard: ${JSON.stringify({ connection: name, from, to, max })}`);
      const moved = await connection.redrive({ from, ...(to === undefined ? {} : { to }), max });
      this.logger.log(`redrive of ${key}: ${moved} moved`);
      return { moved };
    } finally {
      this.redriving.delete(key);
    }
  }

  private consumerOf(input: Input): { readonly name: string; readonly consumer: Subscription } {
    const name = textOf(input, 'consumer');
    const consumer = this.dashboard.consumer(name);
    if (consumer === undefined) throw new ActionRefused(404, 'no-such-consumer', 'there is no consumer of that name');
    return { name, consumer };
  }

  private connectionOf(input: Input): { readonly name: string; readonly connection: AmqpConnection } {
    const name = textOf(input, 'connection');
    const connection = this.dashboard.connection(name);
    if (connection === undefined)
      throw new ActionRefused(404, 'no-such-connection', 'there is no connection of that name');
    return { name, connection };
  }

  private failed(action: string, error: unknown): ActionAnswer {
    if (error instanceof ActionRefused) return failure(error.status, error.code, error.message);
    const text = error instanceof Error ? error.message : String(error);
    this.logger.warn(`${action} by the dashboard failed: ${text}`);
    if (!(error instanceof AmqpError)) return failure(500, 'failed', 'it failed; the log of the application says more');
    return failure(statusOf(error), error.code, text);
  }
}

function statusOf(error: AmqpError): number {
  if (error instanceof InvalidOptionsError) return 400;
  if (error instanceof ClientClosedError) return 409;
  if (error.code === 'not-found') return 404;
  return error.code === 'unsupported' ? 501 : 502;
}

function failure(status: number, code: string, message: string): ActionAnswer {
  return { status, body: { ok: false, error: { code, message } } };
}

function textOf(input: Input, name: string): string {
  const value = input[name];
  if (typeof value === 'string' && value !== '' && value.length <= MOST_CHARACTERS) return value;
  throw new ActionRefused(400, name, `${name}: a string of 1 to ${MOST_CHARACTERS} characters`);
}

/** `undefined` when it takes too long; it goes on then. */
async function within<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}
