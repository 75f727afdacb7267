import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { layerViolations } from './layer-rules.js';
import { declarationsOf, entries, libraryProgram, publicNames } from './program.js';
import { importsOf, librarySources, parse, root, type Violation } from './sources.js';
import { styleViolations } from './style-rules.js';

const sources = librarySources();
const print = ({ file, line, rule }: Violation): string => `${file}:${line} ${rule}`;

describe('the layers of lib', () => {
  it('are imported one way, through their doors, with no package where it does not belong', () => {
    expect(sources.length).toBeGreaterThan(10);
    expect(sources.flatMap(layerViolations).map(print)).toEqual([]);
  });

  it('keep rhea away from the embedded broker: nothing that its door loads reaches it', () => {
    const reached = reachableFrom(['lib/broker/index.ts', 'lib/protocol/acceptor/index.ts']);
    expect([...reached].filter((name) => /^rhea|^lib\/protocol\/control\//.test(name))).toEqual([]);
  });

  it('import deep paths of Nest in one file only', () => {
    const deep = sources.filter(({ path, text }) =>
      importsOf(parse({ path, text })).some(({ specifier }) => /^@nestjs\/[^/]+\/.+/.test(specifier)),
    );
    expect(deep.map(({ path }) => path).length).toBeLessThanOrEqual(1);
  });

  it('let no rhea type out of lib/protocol/control', () => {
    const taken = new Set(
      sources
        .filter(({ path }) => !path.startsWith('lib/protocol/control/'))
        .flatMap((source) => importsOf(parse(source)).flatMap(({ file }) => file ?? []))
        .filter((file) => file.startsWith('lib/protocol/control/')),
    );
    expect(rheaTypesIn(libraryProgram([...taken]), [...taken])).toEqual([]);
  });
});

describe('the sources of lib', () => {
  it('hold no console, any, non-null assertion, default export or TODO without an issue', () => {
    expect(sources.flatMap(styleViolations).map(print)).toEqual([]);
  });

  it('state their version as package.json does, if they state one', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    const stated = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/\bVERSION\b[^=\n]*= '([^']*)'/gi)].map(([, value]) => ({ path, value })),
    );
    expect(stated.filter(({ value }) => value !== version)).toEqual([]);
  });
});

describe('the public names', () => {
  let program: ts.Program;
  beforeAll(() => {
    program = libraryProgram(entries);
  });

  it.each(entries)('of %s have each a doc comment', (entry) => {
    const names = publicNames(program, entry);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter(({ comment }) => comment === '').map(({ name, file }) => `${name} (${file})`)).toEqual([]);
  });
});

// Each rule is fed with a source that breaks it, so that a rule which sees nothing is noticed.
describe('the layer rules refuse', () => {
  it.each([
    ['lib/client/a.ts', `import { Injectable } from '@nestjs/common';`, 'rule 3'],
    ['lib/client/a.ts', `import type { Observable } from 'rxjs';`, 'rule 3'],
    ['lib/protocol/session/a.ts', `export { of } from 'rxjs';`, 'rule 3'],
    ['lib/nest/a.ts', `import { Connection } from 'rhea-promise';`, 'rule 3'],
    ['lib/broker/a.ts', `import rhea from 'rhea';`, 'rule 3'],
    ['lib/broker/a.ts', `const rhea = await import('rhea');`, 'rule 3'],
    ['lib/protocol/session/a.ts', `import type { Session } from 'rhea/typings/session.js';`, 'rule 3'],
    ['lib/protocol/session/a.ts', `import { x } from '../control/x.js';`, 'rule 3'],
    ['lib/protocol/acceptor/a.ts', `type X = import('rhea').Session;`, 'rule 3'],
    ['lib/client/a.ts', `import { debounce } from 'lodash';`, 'rule 3'],
    ['lib/client/a.ts', `import WebSocket from 'ws';`, 'rule 3'],
    ['lib/protocol/socket/a.ts', `import WebSocket from 'ws';`, 'rule 3'],
    ['lib/nest/a.ts', `import { trace } from '@opentelemetry/api';`, 'OpenTelemetry'],
    [
      'lib/protocol/a.ts',
      `import { x } from '../client/index.js';`,
      'lib/protocol must not import lib/client (rule 1)',
    ],
    ['lib/client/a.ts', `import { x } from '../nest/x.js';`, 'lib/client must not import lib/nest (rule 1)'],
    ['lib/client/a.ts', `import type { x } from '../broker/index.js';`, 'rule 1'],
    ['lib/client/a.ts', `const x = await import('../broker/index.js');`, 'rule 1'],
    ['lib/broker/a.ts', `import { x } from '../client/index.js';`, 'only types (rule 1)'],
    ['lib/broker/a.ts', `import { type x, y } from '../client/index.js';`, 'only types (rule 1)'],
    ['lib/nest/a.ts', `import { x } from '../broker/index.js';`, 'only with import() or as types (rule 1)'],
    ['lib/nest/a.ts', `import { x } from '../protocol/index.js';`, 'rule 1'],
    ['lib/nest/a.ts', `import { x } from '../testing/index.js';`, 'rule 1'],
    ['lib/nest/a.ts', `import { x } from '../index.js';`, 'rule 1'],
    ['lib/telemetry/a.ts', `import { x } from '../nest/index.js';`, 'rule 1'],
    ['lib/client/a.ts', `import { x } from '../utils/x.js';`, 'known folder'],
    ['lib/client/a.ts', `import { x } from '../../test/support/x.js';`, 'known folder'],
    ['lib/client/send/a.ts', `import { x } from '../../protocol/errors.js';`, 'rule 2'],
    ['lib/client/a.ts', `import { x } from '../protocol/acceptor/index.js';`, 'rule 2'],
    ['lib/broker/a.ts', `import { x } from '../protocol/index.js';`, 'rule 2'],
    ['lib/nest/a.ts', `import { x } from '../client/send/send-client.js';`, 'rule 2'],
    ['lib/testing/a.ts', `import { x } from '../nest/explorer.js';`, 'rule 2'],
    ['lib/testing/a.ts', `import { x } from '../client/options/index.js';`, 'rule 2'],
    ['lib/client/send/a.ts', `import { x } from '../index.js';`, 'rule 2'],
  ])('%s: %s', (path, text, rule) => {
    expect(layerViolations({ path, text }).map(print)).toEqual([expect.stringContaining(rule)]);
  });

  it.each([
    ['lib/client/a.ts', `import { x } from '../protocol/index.js';\nimport { createHash } from 'node:crypto';`],
    ['lib/broker/a.ts', `import type { x } from '../client/index.js';`],
    ['lib/broker/a.ts', `import { type x } from '../client/index.js';`],
    ['lib/nest/a.ts', `import { x } from '../client/options/index.js';`],
    ['lib/nest/a.ts', `const x = await import('../broker/index.js');\nimport { Injectable } from '@nestjs/common';`],
    ['lib/protocol/control/a.ts', `import { Connection } from 'rhea-promise';`],
    ['lib/protocol/socket/a.ts', `const ws = await import('ws');`],
    ['lib/index.ts', `export { AmqpModule } from './nest/amqp.module.js';\nexport * from './client/index.js';`],
    ['lib/testing/a.ts', `import { x } from '../index.js';\nimport { y } from '../broker/index.js';`],
  ])('nothing that is allowed: %s: %s', (path, text) => {
    expect(layerViolations({ path, text }).map(print)).toEqual([]);
  });
});

describe('the style rules refuse', () => {
  it.each([
    [`console.log('x');`, 'console'],
    [`globalThis.console.log('x');`, 'console'],
    [`const write = console.error;`, 'console'],
    [`const x: any = 1;`, 'no any'],
    [`function f(...args: any[]): void {}`, 'no any'],
    [`const x = y as any;`, 'no any'],
    [`const x = y!;`, 'non-null'],
    [`class A { x!: string; }`, 'definite'],
    [`export default class A {}`, 'named exports'],
    [`const x = 1;\nexport default x;`, 'named exports'],
    [`// TODO later`, 'issue number'],
    [`// @ts-ignore\nconst x = 1;`, 'compiler'],
  ])('%s', (text, rule) => {
    expect(styleViolations({ path: 'lib/client/a.ts', text }).map(print)).toEqual([expect.stringContaining(rule)]);
  });

  it.each([
    `type Class = new (...args: any[]) => Error;`,
    `type Factory = (...args: any[]) => unknown;`,
    `const kind = { console: 1 }; // TODO(#12) a word about it`,
    `const x = !y;`,
  ])('nothing that is allowed: %s', (text) => {
    expect(styleViolations({ path: 'lib/client/a.ts', text }).map(print)).toEqual([]);
  });
});

describe('the rules about declarations refuse', () => {
  it('a rhea type that a file of lib/protocol/control gives away', () => {
    const path = 'lib/protocol/control/leak.ts';
    const text = `import type { Session } from 'rhea';\nexport const last = (): Session | undefined => undefined;`;
    expect(rheaTypesIn(libraryProgram([path], { [path]: text }), [path])).toEqual([path]);
  });

  it('a public name without a doc comment', () => {
    const path = 'lib/leak.ts';
    const text = `export const bare = 1;\n/** Said. */\nexport const said = 1;`;
    const names = publicNames(libraryProgram([path], { [path]: text }), path);
    expect(names.map(({ name, comment }) => [name, comment])).toEqual([
      ['bare', ''],
      ['said', 'Said.'],
    ]);
  });
});

function rheaTypesIn(program: ts.Program, files: readonly string[]): string[] {
  return [...declarationsOf(program, files)]
    .filter(([, text]) => /['"]rhea(-promise)?[/'"]/.test(text))
    .map(([file]) => file);
}

function reachableFrom(starts: readonly string[]): Set<string> {
  const texts = new Map(sources.map((source) => [source.path, source]));
  const reached = new Set<string>();
  const queue = starts.filter((path) => texts.has(path));
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const source = texts.get(path);
    if (reached.has(path) || source === undefined) continue;
    reached.add(path);
    for (const found of importsOf(parse(source))) {
      if (found.how === 'type') continue;
      if (found.file === undefined) reached.add(found.specifier);
      else queue.push(found.file);
    }
  }
  return reached;
}
