// A peer in another process that may be killed at any time and has lost nothing of what it accepted when it is started again.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeMessage, type DecodedWireMessage } from './wire/message.mjs';
import { readJournal } from './journal/journal.mjs';

export interface JournallingOptions {
  /** Credit for each sender. @default 200 */
  readonly credit?: number;
  /** Where ids and delivery-counts start. @default 2^32 - 16 */
  readonly firstId?: number;
  /** Silence after which it gives a client up. @default 10_000 */
  readonly idleMs?: number;
}

export interface JournallingStats {
  /** Messages by queue that wait for a consumer. */
  readonly ready: Readonly<Record<string, number>>;
  /** Messages that a consumer has. */
  readonly unsettled: number;
  /** Since its last start. */
  readonly put: number;
  readonly deleted: number;
}

/** A message that the peer has taken responsibility for. */
export interface JournalledMessage {
  readonly id: number;
  readonly queue: string;
  readonly message: DecodedWireMessage;
  /** How often it went out to a consumer. */
  readonly deliveries: number;
  /** A consumer accepted or rejected it. */
  readonly isDone: boolean;
}

export class JournallingPeer {
  /** Times it was killed. */
  kills = 0;
  private child: ChildProcess | undefined;
  private ownPort = 0;
  private calls = 0;
  private readUpTo = 0;
  private readonly messages = new Map<number, JournalledMessage>();
  private readonly directory = mkdtempSync(join(tmpdir(), 'journalling-peer-'));

  private constructor(private readonly options: JournallingOptions) {}

  static async start(options: JournallingOptions = {}): Promise<JournallingPeer> {
    const peer = new JournallingPeer(options);
    await peer.restart();
    return peer;
  }

  get port(): number {
    return this.ownPort;
  }

  get uri(): string {
    return `amqp://127.0.0.1:${this.ownPort}`;
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined) return;
    this.kills += 1;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Starts it again on the same port, with what the journal holds. */
  async restart(): Promise<void> {
    const main = fileURLToPath(new URL('./journalling-peer-main.mjs', import.meta.url));
    const args = ['--journal', join(this.directory, 'journal'), '--port', String(this.ownPort)];
    if (this.options.credit !== undefined) args.push('--credit', String(this.options.credit));
    if (this.options.firstId !== undefined) args.push('--first', String(this.options.firstId));
    if (this.options.idleMs !== undefined) args.push('--idle', String(this.options.idleMs));
    const child = fork(main, args, { execArgv: [] });
    this.child = child;
    const died = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the journalling peer ended with ${String(code ?? signal)}`);
    });
    died.catch(() => undefined); // Only of interest while it starts.
    const started = once(child, 'message') as Promise<[{ port: number }]>; // its first message
    const [{ port }] = await Promise.race([started, died]);
    this.ownPort = port;
  }

  /** SIGSTOP: its sockets stay open and nobody answers. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  async stats(): Promise<JournallingStats> {
    const { child } = this;
    if (child === undefined) throw new Error('the journalling peer is not running');
    const id = (this.calls += 1);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        child.off('message', onMessage);
        child.off('exit', onExit);
      };
      const onExit = (): void => {
        end();
        reject(new Error('the journalling peer died before it answered'));
      };
      const onMessage = (message: { id: number; result: JournallingStats }): void => {
        if (message.id !== id) return;
        end();
        resolve(message.result);
      };
      child.on('message', onMessage);
      child.on('exit', onExit);
      child.send({ id, command: 'stats' });
    });
  }

  /** Nothing waits, and no consumer has anything. */
  async isEmpty(): Promise<boolean> {
    const { ready, unsettled } = await this.stats();
    return unsettled === 0 && Object.values(ready).every((count) => count === 0);
  }

  /** Everything it ever accepted, in order, read from its file; also while it is dead. What was read before is not read again. */
  accepted(): JournalledMessage[] {
    const { messages } = this;
    this.readUpTo = readJournal(join(this.directory, 'journal'), this.readUpTo, (entry) => {
      const known = messages.get(entry.id);
      if (entry.op === 'put') {
        const message = decodeMessage(Buffer.from(entry.body, 'base64'));
        messages.set(entry.id, { id: entry.id, queue: entry.queue, message, deliveries: 0, isDone: false });
      } else if (known !== undefined) {
        const out = entry.op === 'out';
        messages.set(entry.id, {
          ...known,
          deliveries: known.deliveries + (out ? 1 : 0),
          isDone: !out || known.isDone,
        });
      }
    });
    return Array.from(messages.values());
  }

  /** Kills it for good and removes its file. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
