// Apache Qpid JMS, from Maven Central, beside the brokers: installed when first asked for.

import { execFile, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { mavenLibraries } from '../../../scripts/brokers/packages.mjs';
import { folder, isInstalledAs, markInstalled, missing, run } from '../../../scripts/brokers/processes.mjs';
import type { Peer } from '../peer.js';

const NAME = 'qpid-jms';
const VERSION = '2.7.0';
const SOURCE = fileURLToPath(new URL('./JmsPeer.java', import.meta.url));

/** Names with hyphens, as `x-reply`, are hidden otherwise. */
const OPTIONS = 'jms.validatePropertyNames=false';
const MOST_MS = 30_000;

export type JmsMode = 'send' | 'receive' | 'redeliver' | 'ask' | 'answer';

/** `undefined` when it can be run, else why not. */
export function whyNoJms(): string | undefined {
  const tool = ['java', 'javac', 'mvn'].map(missing).find((why) => why !== undefined);
  if (tool !== undefined) return tool;
  try {
    install();
    return undefined;
  } catch (error) {
    return `qpid-jms-client ${VERSION} cannot be had: ${String(error).split('\n')[0]}`;
  }
}

function install(): void {
  if (!isInstalledAs(NAME, VERSION)) {
    mavenLibraries(NAME, [`org.apache.qpid:qpid-jms-client:${VERSION}`, 'org.slf4j:slf4j-nop:2.0.16']);
    markInstalled(NAME, VERSION);
  }
  mkdirSync(folder(NAME, 'classes'), { recursive: true });
  run('javac', ['-d', folder(NAME, 'classes'), '-cp', `${folder(NAME, 'lib')}/*`, SOURCE]);
}

function command(peer: Peer, mode: JmsMode, rest: readonly string[]): string[] {
  const { host, username, password } = new URL(peer.uri);
  const classpath = `${folder(NAME, 'lib')}/*:${folder(NAME, 'classes')}`;
  const user = [username === '' ? 'guest' : username, password === '' ? 'guest' : password];
  return ['-cp', classpath, 'JmsPeer', mode, `amqp://${host}?${OPTIONS}`, ...user, ...rest];
}

/** Runs to its end; what it printed. */
export async function jms(peer: Peer, mode: JmsMode, ...rest: string[]): Promise<unknown[]> {
  const { stdout } = await promisify(execFile)('java', command(peer, mode, rest), { timeout: MOST_MS });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

/** Runs on: its lines one by one, and its end. */
export function startJms(
  peer: Peer,
  mode: JmsMode,
  ...rest: string[]
): { readonly next: () => Promise<unknown>; readonly stop: () => void } {
  const child = spawn('java', command(peer, mode, rest), { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    next: async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`the JMS client has ended before it printed what was due`);
      return JSON.parse(value) as unknown;
    },
    stop: () => void child.kill(),
  };
}
