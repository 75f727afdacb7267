// The library as the compiler sees it: public names with their comments, and the declarations that a folder gives away.

import { readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import ts from 'typescript';
import { root } from './sources.js';

/** A name that users can import. */
export interface PublicName {
  readonly entry: string;
  readonly name: string;
  /** Where it is declared, from the root. */
  readonly file: string;
  readonly comment: string;
}

/** The entries that package.json names, as source files. */
export const entries = Object.values(manifest().exports).flatMap((entry) =>
  typeof entry === 'string' ? [] : [entry.import.default.replace('./dist/esm/', 'lib/').replace(/\.js$/, '.ts')],
);

/** A program over the given files, with the options of the build. */
export function libraryProgram(files: readonly string[], extra: Readonly<Record<string, string>> = {}): ts.Program {
  const config = ts.readConfigFile(join(root, 'tsconfig.build.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const virtual = new Map(Object.entries(extra).map(([path, text]) => [join(root, path), text]));
  const real = { ...host };
  host.readFile = (path) => virtual.get(path) ?? real.readFile(path);
  host.fileExists = (path) => virtual.has(path) || real.fileExists(path);
  host.getSourceFile = (path, target, ...rest) => {
    const text = virtual.get(path);
    return text === undefined ? real.getSourceFile(path, target, ...rest) : ts.createSourceFile(path, text, target);
  };
  return ts.createProgram(
    files.map((file) => join(root, file)),
    { ...options, noEmit: false, skipLibCheck: true },
    host,
  );
}

/** Every name that an entry exports and that this package declares. */
export function publicNames(program: ts.Program, entry: string): PublicName[] {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(join(root, entry));
  const module = source && checker.getSymbolAtLocation(source);
  if (!module) return [];
  return checker.getExportsOfModule(module).map((symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const declaration = target.declarations?.[0];
    const path = declaration?.getSourceFile().fileName ?? entry;
    return {
      entry,
      name: symbol.name,
      file: relative(root, path).split(sep).join('/'),
      comment: ts.displayPartsToString(target.getDocumentationComment(checker)).trim(),
    };
  });
}

/** The `.d.ts` texts of files, by path from the root. */
export function declarationsOf(program: ts.Program, files: readonly string[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const file of files) {
    const source = program.getSourceFile(join(root, file));
    const save: ts.WriteFileCallback = (_path, text) => texts.set(file, text);
    if (source) program.emit(source, save, undefined, true);
  }
  return texts;
}

function manifest(): { readonly exports: Record<string, string | { readonly import: { readonly default: string } }> } {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as ReturnType<typeof manifest>;
}
