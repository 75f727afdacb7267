// docs/promises.md as data, and the names that tests and stories have in their files.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { parse, root } from './sources.js';

/** What holds a promise. */
export type Holder =
  | { readonly kind: 'test'; readonly file: string; readonly name: string }
  | { readonly kind: 'story'; readonly title: string }
  | { readonly kind: 'not yet'; readonly missing: string }
  /** None of the three. */
  | { readonly kind: 'nonsense'; readonly text: string };

/** One line of the list. */
export interface Promised {
  readonly id: string;
  readonly sentence: string;
  readonly holders: readonly Holder[];
}

/** The lines of a page whose tables have three columns: id, promise, held by. */
export function promisesOf(page: string): Promised[] {
  return page
    .split('\n')
    .filter((line) => /^\| [a-z]/.test(line) && !line.startsWith('| | promise'))
    .map((line) => {
      const [, id = '', sentence = '', held = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      const cells = held.split('<br>').map((text) => text.replaceAll('\\|', '|').trim());
      return { id, sentence, holders: cells.map(holderOf) };
    });
}

function holderOf(text: string): Holder {
  const test = /^`(test\/[^`]+\.spec\.ts)` (.+)$/.exec(text);
  if (test !== null) return { kind: 'test', file: test[1] ?? '', name: test[2] ?? '' };
  const [, how, what = ''] = /^(broker suite|not yet): (.+)$/.exec(text) ?? [];
  if (how === 'broker suite') return { kind: 'story', title: what };
  return how === 'not yet' ? { kind: 'not yet', missing: what } : { kind: 'nonsense', text };
}

/** The full names of a file's tests, `describe > it`, as written: `%s` stays. Skipped ones hold nothing. */
export function testNames(file: string): ReadonlySet<string> {
  const path = join(root, file);
  const names = new Set<string>();
  if (!existsSync(path)) return names;
  const visit = (node: ts.Node, above: readonly string[]): void => {
    const call = ts.isCallExpression(node) ? titledCall(node) : undefined;
    if (call?.kind === 'it') names.add([...above, call.title].join(' > '));
    const inside = call?.kind === 'describe' ? [...above, call.title] : above;
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(parse({ path: file, text: readFileSync(path, 'utf8') }), []);
  return names;
}

/** The titles of all stories of the broker suite. */
export function storyTitles(): ReadonlySet<string> {
  const folder = 'test/brokers/stories';
  const titles = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'title') add(node.initializer);
    if (ts.isCallExpression(node) && node.expression.getText() === 'byKind') add(node.arguments[0]);
    ts.forEachChild(node, visit);
  };
  const add = (node: ts.Node | undefined): void => {
    if (node !== undefined && ts.isStringLiteralLike(node)) titles.add(node.text);
  };
  for (const name of readdirSync(join(root, folder)))
    visit(parse({ path: `${folder}/${name}`, text: readFileSync(join(root, folder, name), 'utf8') }));
  return titles;
}

/** `it('...')`, `it.each(...)('...')`, and the same of `describe`. */
function titledCall(node: ts.CallExpression): { readonly kind: string; readonly title: string } | undefined {
  const [first] = node.arguments;
  if (first === undefined || !ts.isStringLiteralLike(first)) return undefined;
  let callee: ts.Expression = node.expression;
  if (ts.isCallExpression(callee)) callee = callee.expression;
  if (ts.isPropertyAccessExpression(callee) && callee.name.text === 'each') callee = callee.expression;
  return ts.isIdentifier(callee) && (callee.text === 'it' || callee.text === 'describe')
    ? { kind: callee.text, title: first.text }
    : undefined;
}
