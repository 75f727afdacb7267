// The scripted peer in a process of its own, for tests that block the event loop of the client.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WireError } from './wire/frames.mjs';
import type { WireMessage } from './wire/message.mjs';
import type { PeerScript, WireRecord } from './peer/script.js';

/** What can be told to a peer in another process: plain values, no functions. */
export type ForkedScript = Pick<
  PeerScript,
  | 'mechanisms'
  | 'saslCode'
  | 'open'
  | 'begin'
  | 'credit'
  | 'refill'
  | 'nextOutgoingId'
  | 'firstDeliveryId'
  | 'initialDeliveryCount'
  | 'incomingWindow'
  | 'heartbeats'
  | 'chunk'
  | 'silent'
>;

/** What the parent asks of the child, with what it answers. */
export interface ForkedCommands {
  records(): WireRecord[];
  violations(): string[];
  /** Drops the sockets of all connections. */
  drop(): void;
  /** From now on reads and writes nothing on all connections, heartbeats included; `false` ends it. */
  silence(on: boolean): void;
  closeConnections(error?: WireError): void;
  /** Sends to the first link that receives from this address; answers the delivery id. */
  send(address: string, message: WireMessage | Buffer): number;
  connections(): number;
}

export class ForkedPeer {
  private calls = 0;

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  static async start(script: ForkedScript = {}): Promise<ForkedPeer> {
    const register = new URL('./ts-register.mjs', import.meta.url).href;
    const main = fileURLToPath(new URL('./forked-peer-main.ts', import.meta.url));
    const child = fork(main, [], { execArgv: ['--import', register], serialization: 'advanced' });
    child.send(script);
    const ready = once(child, 'message') as Promise<[{ port: number }]>; // the first message of forked-peer-main
    const died = once(child, 'exit').then(([code]) => {
      throw new Error(`the forked peer ended with ${String(code)}`);
    });
    died.catch(() => undefined); // Only of interest while it starts.
    const [{ port }] = await Promise.race([ready, died]);
    return new ForkedPeer(child, port);
  }

  get uri(): string {
    return `amqp://127.0.0.1:${this.port}`;
  }

  /** Runs a command in the other process. */
  async call<C extends keyof ForkedCommands>(
    command: C,
    ...args: Parameters<ForkedCommands[C]>
  ): Promise<ReturnType<ForkedCommands[C]>> {
    const id = (this.calls += 1);
    return new Promise((resolve, reject) => {
      const onMessage = (message: { id: number; result: ReturnType<ForkedCommands[C]>; error?: string }): void => {
        if (message.id !== id) return;
        this.child.off('message', onMessage);
        if (message.error === undefined) resolve(message.result);
        else reject(new Error(message.error));
      };
      this.child.on('message', onMessage);
      this.child.send({ id, command, args });
    });
  }

  /** SIGSTOP: the sockets stay, nobody answers. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}
