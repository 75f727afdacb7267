// Checks what users read: TypeScript blocks compile against lib, relative links lead somewhere, every public name stands in a page.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { compilerOptions, entries, publicNames, root } from './library.mjs';

const pages = [
  'README.md',
  'CHANGELOG.md',
  ...list('docs').filter((path) => path.endsWith('.md')),
  ...list('sample')
    .map((folder) => `${folder}/README.md`)
    .filter((path) => existsSync(join(root, path))),
].map((path) => ({ path, text: readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n') }));

const blocks = pages.flatMap(codeBlocks);
const problems = [...compile(blocks), ...pages.flatMap(deadLinks), ...unnamed()];
for (const problem of problems) console.error(problem);
console.log(`${pages.length} pages, ${blocks.length} TypeScript blocks: ${problems.length} problems`);
if (problems.length > 0) process.exitCode = 1;

function list(folder) {
  return readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
}

/**
 * The TypeScript blocks of a page. `title="src/a.ts"` names a file that other blocks of the page may import; a comment
 * `<!-- docs:check ... -->` right above a block stands for code that the reader can do without.
 */
function codeBlocks({ path, text }) {
  const found = [];
  const fence =
    /(?:<!-- docs:check\n(?<before>[\s\S]*?)-->\n\s*)?^```(?:ts|typescript)(?: title="(?<title>[^"]+)")?[^\n]*\n(?<body>[\s\S]*?)^```$/gm;
  for (const match of text.matchAll(fence)) {
    const { before = '', title, body } = match.groups;
    const start = match[0].lastIndexOf(body) + match.index;
    const line = text.slice(0, start).split('\n').length;
    const folder = join(root, 'docs', '.blocks', path.replaceAll(/[^\w]+/g, '-'));
    found.push({
      page: path,
      line: line - before.split('\n').length + 1,
      file: join(folder, title ?? `line-${line}.ts`),
      text: `${before}${body}\nexport {};\n`,
    });
  }
  return found;
}

function compile(sources) {
  const options = {
    ...compilerOptions(),
    noUnusedLocals: false,
    noUnusedParameters: false,
    noPropertyAccessFromIndexSignature: false,
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  const virtual = new Map(sources.map((block) => [block.file, block]));
  const real = { ...host };
  host.fileExists = (path) => virtual.has(path) || real.fileExists(path);
  host.directoryExists = (path) => path.startsWith(join(root, 'docs/.blocks')) || real.directoryExists(path);
  host.readFile = (path) => virtual.get(path)?.text ?? real.readFile(path);
  host.getSourceFile = (path, target, ...rest) => {
    const block = virtual.get(path);
    return block ? ts.createSourceFile(path, block.text, target) : real.getSourceFile(path, target, ...rest);
  };
  const program = ts.createProgram([...virtual.keys()], options, host);
  return sources.flatMap((block) => {
    const source = program.getSourceFile(block.file);
    return ts.getPreEmitDiagnostics(program, source).map((diagnostic) => {
      const at = source.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line;
      return `${block.page}:${block.line + at} ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n  ')}`;
    });
  });
}

/** Links to files that are not there, or to headings that are not in them. */
function deadLinks({ path, text }) {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, (block) => block.replaceAll(/[^\n]/g, ' '));
  return [...prose.matchAll(/\]\((?<target>[^)\s]+)\)/g)].flatMap(({ groups, index }) => {
    const [file, anchor] = groups.target.split('#');
    if (/^[a-z]+:/.test(groups.target)) return [];
    const target = file === '' ? join(root, path) : resolve(root, dirname(path), file);
    const at = `${path}:${prose.slice(0, index).split('\n').length}`;
    if (!existsSync(target)) return [`${at} the link leads nowhere: ${groups.target}`];
    if (relative(root, target).startsWith('..'))
      return [`${at} the link leads out of the repository: ${groups.target}`];
    if (anchor === undefined || anchor === '' || !target.endsWith('.md')) return [];
    return headings(readFileSync(target, 'utf8')).has(anchor)
      ? []
      : [`${at} there is no such heading: ${groups.target}`];
  });
}

function headings(text) {
  const titles = text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...titles].map(([, title]) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  );
}

/** Public names that no page mentions. */
function unnamed() {
  const program = ts.createProgram(
    entries.map(({ file }) => join(root, file)),
    compilerOptions(),
  );
  const words = new Set(pages.flatMap(({ text }) => text.match(/[A-Za-z_$][\w$]*/g) ?? []));
  return publicNames(program).flatMap(({ entry, names }) =>
    names.length === 0
      ? [`${entry} has no public names: does it compile?`]
      : names.filter(({ name }) => !words.has(name)).map(({ name }) => `${entry}: ${name} stands in no page`),
  );
}
