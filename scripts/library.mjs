// What the scripts about documentation know of the library: its entries, their public names, and what the comments say of them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Each entry: as users import it, and its source. */
export const entries = Object.entries(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([path, target]) => ({
    name: `nestjs-amqp10${path.slice(1)}`,
    file: target.import.default.replace('./dist/esm/', 'lib/').replace(/\.js$/, '.ts'),
  }));

/** The options of the root tsconfig. */
export function compilerOptions() {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  return ts.parseJsonConfigFileContent(config, ts.sys, root).options;
}

/** The public names of each entry: `{ name, kind, comment, symbol }`, sorted; of the main entry only those that ./client has not. */
export function publicNames(program) {
  const checker = program.getTypeChecker();
  const seen = new Set();
  const found = entries.map(({ name, file }) => {
    const source = program.getSourceFile(join(root, file));
    const module = source && checker.getSymbolAtLocation(source);
    const names = (module ? checker.getExportsOfModule(module) : []).map((exported) => {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      return { name: exported.name, symbol, kind: kindOf(symbol), comment: commentOf(symbol, checker) };
    });
    if (name !== 'nestjs-amqp10') names.forEach((one) => seen.add(one.name));
    return { entry: name, names: names.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
  });
  return found.map(({ entry, names }) => ({
    entry,
    names: entry === 'nestjs-amqp10' ? names.filter(({ name }) => !seen.has(name)) : names,
  }));
}

/** A comment as one line. */
export function commentOf(symbol, checker) {
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker));
  return text
    .replaceAll(/\{@link ([^}]+)\}/g, '`$1`')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function kindOf(symbol) {
  if (symbol.flags & ts.SymbolFlags.Class) return 'class';
  if (symbol.flags & ts.SymbolFlags.Function) return 'function';
  if (symbol.flags & ts.SymbolFlags.Interface) return 'interface';
  if (symbol.flags & ts.SymbolFlags.TypeAlias) return 'type';
  return 'value';
}
