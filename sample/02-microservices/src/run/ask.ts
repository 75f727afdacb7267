// Asks the gateway over HTTP and compares the answer.

import { isDeepStrictEqual } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import type { Question } from './questions.js';

const PATIENCE_MS = 10_000;

/** What came back, and whether it is what had to. */
export interface Answer {
  readonly question: Question;
  readonly status: number;
  readonly got: unknown;
  readonly isRight: boolean;
}

/** Asks until the answer is right, when it may take its time. */
export async function ask(url: string, question: Question): Promise<Answer> {
  const until = performance.now() + (question.eventually === true ? PATIENCE_MS : 0);
  for (;;) {
    const answer = await askOnce(url, question);
    if (answer.isRight || performance.now() >= until) return answer;
    await wait(20);
  }
}

async function askOnce(url: string, question: Question): Promise<Answer> {
  const { method, path, body, expected } = question;
  const response = await fetch(`${url}${path}`, {
    method,
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const got = read(await response.text(), response.headers.get('content-type') ?? '', expected);
  const isRight = response.status === question.status && isDeepStrictEqual(got, expected);
  return { question, status: response.status, got, isRight };
}

/** Of an error only what it says; of server-sent events their data. */
function read(text: string, type: string, expected: unknown): unknown {
  if (text === '') return undefined;
  if (type.startsWith('text/event-stream')) return Array.from(text.matchAll(/^data: (.*)$/gm), ([, data]) => data);
  const value: unknown = JSON.parse(text);
  const names = Object.keys(Object(expected));
  return Array.isArray(value)
    ? value
    : Object.fromEntries(names.map((name) => [name, Reflect.get(Object(value), name)]));
}
