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
  /** There is nothing to hold, and why. */
  | { readonly kind: 'no counterpart'; readonly because: string }
  /** None of these. */
  | { readonly kind: 'nonsense'; readonly text: string };

/** One line of the list. */
export interface Promised {
  readonly id: string;
  readonly sentence: string;
  readonly holders: readonly Holder[];
}

/** The lines of a page's tables: the first column is the id, the second the promise, the last what holds it. */
export function promisesOf(page: string): Promised[] {
  return page
    .split('\n')
    .filter((line) => /^\| [a-z]+-\d+ \|/.test(line))
    .map((line) => {
      const [id = '', sentence = '', ...others] = line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim());
      const held = others.at(-1) ?? '';
      const cells = held.split('<br>').map((text) => text.replaceAll('\\|', '|').trim());
      return { id, sentence, holders: cells.map(holderOf) };
    });
}

function holderOf(text: string): Holder {
  const test = /^`(test\/[^`]+\.spec\.ts)` (.+)$/.exec(text);
  if (test !== null) return { kind: 'test', file: test[1] ?? '', name: test[2] ?? '' };
  const [, how, what = ''] = /^(broker suite:|not yet:|no counterpart, because) (.+)$/.exec(text) ?? [];
  if (how === 'broker suite:') return { kind: 'story', title: what };
  if (how === 'no counterpart, because') return { kind: 'no counterpart', because: what };
  return how === 'not yet:' ? { kind: 'not yet', missing: what } : { kind: 'nonsense', text };
}

/** The holders that do not exist: tests and stories that nobody wrote, and texts that name neither. */
export function missingHolders(promised: readonly Promised[]): string[] {
  const known = new Map<string, ReadonlySet<string>>();
  const titles = storyTitles();
  const problemOf = (holder: Holder): string | undefined => {
    switch (holder.kind) {
      case 'test': {
        const names = known.get(holder.file) ?? testNames(holder.file);
        known.set(holder.file, names);
        return names.has(holder.name) ? undefined : `${holder.file} has no test "${holder.name}"`;
      }
      case 'story':
        return titles.has(holder.title) ? undefined : `there is no story "${holder.title}"`;
      case 'nonsense':
        return `names neither a test nor a story: "${holder.text}"`;
      case 'not yet':
      case 'no counterpart':
        return undefined;
    }
  };
  return promised.flatMap(({ id, holders }) =>
    holders.flatMap((holder) => {
      const problem = problemOf(holder);
      return problem === undefined ? [] : [`${id}: ${problem}`];
    }),
  );
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

/** Functions of the stories that take a title first. */
const STORY_MAKERS: ReadonlySet<string> = new Set(['byKind', 'inTransactions']);

/** The titles of all stories of the broker suite. */
export function storyTitles(): ReadonlySet<string> {
  const folder = 'test/brokers/stories';
  const titles = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'title') add(node.initializer);
    if (ts.isCallExpression(node) && STORY_MAKERS.has(node.expression.getText())) add(node.arguments[0]);
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
