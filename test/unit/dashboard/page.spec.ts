import { createHash } from 'node:crypto';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';

import type { AmqpDashboardSnapshot } from '../../../lib/dashboard/index.js';
import { escapeHtml, renderPage } from '../../../lib/dashboard/page/page.js';
import { FakeDocument, type FakeNode } from './fake-document.js';

const { html, policy } = renderPage('AMQP');
const between = (from: string, to: string): string =>
  html.slice(html.indexOf(from) + from.length, html.lastIndexOf(to));
const script = between('<script>', '</script>');
const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const hostile = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</style></script><svg onload=alert(1)>',
  '{{constructor.constructor("alert(1)")()}}',
  '\u202Eevil\u0000',
];

function hostileState(text: string, more: Partial<AmqpDashboardSnapshot> = {}): object {
  const history = Array.from({ length: 60 }, () => 1);
  const error = { name: text, code: text, at: 1 };
  const state: AmqpDashboardSnapshot = {
    at: 2,
    connections: [
      {
        name: text,
        status: 'disconnected',
        since: 1,
        isGivenUp: true,
        peer: { product: text, version: text, profile: text, uri: text },
        lastCause: { ...error, message: text },
        reconnects: 1,
        links: [{ role: 'send', address: text, state: 'failed', error: { name: text, code: text, message: text } }],
        linkCount: 2,
      },
    ],
    consumers: [
      {
        name: text,
        connection: text,
        addresses: ['a', text],
        state: 'running',
        inHand: 1,
        prefetch: 2,
        concurrency: 1,
        handled: 3,
        fetched: 0,
        failed: 1,
        running: 1,
        perSecond: 0.5,
        history,
        outcomes: { accepted: 2, rejected: 1, released: 0, modified: 0 },
        decisions: { retry: 1, settle: 0, redeliver: 0, 'dead-letter': 0, pause: 0, stop: 0 },
        durations: { p50Ms: 0.5, p95Ms: 1_500 },
        lastErrors: [error],
      },
    ],
    senders: [{ address: text, connection: text, sent: 1, failed: { [text]: 1 }, pending: 0, perSecond: 0, history }],
    failures: [{ at: 1, kind: 'consumer', connection: text, name: text, address: 'a', error, decision: text }],
    rates: { bucketMs: 5_000, received: history, sent: history, failed: history },
    ...more,
  };
  return { ...state, actions: true, refreshMs: 2_000 };
}

interface Browser {
  readonly document: FakeDocument;
  readonly asked: { readonly url: string; readonly init: RequestInit }[];
  readonly timers: { readonly run: () => void; readonly ms: number }[];
}

/** Runs the script where its requests get these answers, one after another, and then the last again. */
async function open(pathname: string, ...answers: (object | number)[]): Promise<Browser> {
  const document = new FakeDocument();
  const asked: { url: string; init: RequestInit }[] = [];
  const timers: { run: () => void; ms: number }[] = [];
  const fetch = (url: string, init: RequestInit): Promise<object> => {
    asked.push({ url, init });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    const isFailure = typeof answer === 'number';
    return Promise.resolve({ ok: !isFailure, status: isFailure ? answer : 200, json: () => Promise.resolve(answer) });
  };
  const setTimeout = (run: () => void, ms: number): number => timers.push({ run, ms });
  const context = createContext({ document, fetch, setTimeout, clearTimeout: () => undefined, location: { pathname } });
  runInContext(script, context);
  await turns();
  return { document, asked, timers };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

const texts = (document: FakeDocument): string[] =>
  document.all().flatMap(({ tag, data }) => (tag === undefined ? [data] : []));

describe('the page', () => {
  it('allows a browser its own script and style, by their hashes, and its own API', () => {
    expect(policy).toContain(`script-src ${hashOf(script)}`);
    expect(policy).toContain(`style-src ${hashOf(between('<style>', '</style>'))}`);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
  });

  it('has nothing inline that this would forbid, and no way to make elements of text', () => {
    const outside = html.replace(script, '');
    expect(outside).not.toMatch(/\son\w+=|\sstyle=|javascript:/i);
    expect(script).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute\('(?:style|on)/,
    );
  });

  it.each(hostile)('has %j in its title as text', (text) => {
    const page = renderPage(text).html;
    const title = /<title>(.*?)<\/title>/s.exec(page)?.[1] ?? '';
    expect(title).toBe(escapeHtml(text));
    expect(title).not.toMatch(/[<>"']/);
    expect(page.split(/<script/i)).toHaveLength(2);
  });

  it.each(hostile)('shows %j as text, wherever it stands in the state', async (text) => {
    const { document } = await open('/amqp', hostileState(text));
    expect(document.getElementById('live').textContent).toMatch(/^as of /);
    expect(texts(document).filter((data) => data.includes(text)).length).toBeGreaterThan(12);
    const tags = new Set(document.all().map(({ tag }) => tag));
    for (const tag of ['script', 'img', 'svg', 'style']) expect(tags).not.toContain(tag);
    const named = document.all().flatMap(({ attributes }) => [...attributes.keys()]);
    expect(named.filter((name) => !/^(scope|tabindex|role|type|d|aria-[a-z]+)$/.test(name))).toEqual([]);
  });

  it.each([
    ['/amqp', '/amqp/api/state'],
    ['/amqp/', '/amqp/api/state'],
    ['/tools/behind/a/proxy', '/tools/behind/a/proxy/api/state'],
  ])('at %s asks for %s', async (pathname, url) => {
    const { asked } = await open(pathname, hostileState('x'));
    expect(asked.map((one) => one.url)).toEqual([url]);
  });

  it('asks again after a while, more slowly while it is refused, and says that it is out of date', async () => {
    const { document, timers } = await open('/amqp', hostileState('x'), 403, 403, hostileState('x'));
    expect(timers.map(({ ms }) => ms)).toEqual([2_000]);
    timers[0]?.run();
    await turns();
    expect(document.getElementById('live').textContent).toBe('out of date: not allowed any more (403)');
    timers[1]?.run();
    await turns();
    timers[2]?.run();
    await turns();
    expect(timers.map(({ ms }) => ms)).toEqual([2_000, 4_000, 8_000, 2_000]);
    expect(document.getElementById('live').textContent).toMatch(/^as of /);
  });

  it('does not ask while nobody looks, nor while it is held', async () => {
    const { document, asked, timers } = await open('/amqp', hostileState('x'));
    document.visibilityState = 'hidden';
    timers[0]?.run();
    await turns();
    expect([asked.length, timers.length]).toEqual([2, 1]); // the last answer plans no other
    document.visibilityState = 'visible';
    document.listeners.get('visibilitychange')?.();
    await turns();
    expect([asked.length, timers.length]).toEqual([3, 2]);
    document.getElementById('hold').listeners.get('click')?.({});
    document.listeners.get('visibilitychange')?.();
    await turns();
    expect([asked.length, timers.length]).toEqual([3, 2]);
  });

  it('sends an action as JSON with the header that no form can send', async () => {
    const { document, asked } = await open(
      '/amqp',
      hostileState('Orders.place'),
      { ok: true, done: true, state: 'paused' },
      hostileState('x'),
    );
    const button = document.all().find(({ attributes }) => attributes.get('aria-label') === 'Pause Orders.place');
    button?.listeners.get('click')?.({});
    button?.listeners.get('click')?.({}); // impatient
    await turns();
    expect(asked.map(({ url }) => url)).toEqual(['/amqp/api/state', '/amqp/api/actions/pause', '/amqp/api/state']);
    expect(asked[1]?.init).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-amqp-dashboard': 'action' },
      body: '{"consumer":"Orders.place"}',
    });
    expect(document.getElementById('answer').textContent).toBe('pause: paused');
  });

  it('keeps the rows that are still there, and drops those that are not', async () => {
    const first = hostileState('a');
    const { document, timers } = await open('/amqp', first, hostileState('a', { senders: [], failures: [] }));
    const rowsOf = (id: string): FakeNode[] =>
      document
        .getElementById(id)
        .all()
        .filter(({ tag, parent }) => tag === 'tr' && parent?.tag === 'tbody');
    const [before] = rowsOf('consumers');
    expect([rowsOf('senders').length, rowsOf('failures').length]).toEqual([1, 1]);
    timers[0]?.run();
    await turns();
    expect(rowsOf('consumers')).toEqual([before]);
    expect(rowsOf('consumers')[0]).toBe(before);
    expect([rowsOf('senders').length, rowsOf('failures').length]).toEqual([0, 0]);
  });
});
