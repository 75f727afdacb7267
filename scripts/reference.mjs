// docs/reference.md: every public name with the first sentence of its comment, and every option with its default.
import { join } from 'node:path';
import ts from 'typescript';
import { commentOf, compilerOptions, entries, publicNames, root } from './library.mjs';

/** The page as text. */
export function reference() {
  const program = ts.createProgram(
    entries.map(({ file }) => join(root, file)),
    compilerOptions(),
  );
  const checker = program.getTypeChecker();
  const parts = [
    '# Reference',
    '',
    'Every public name, from the comments in the source; written by `npm run api -- --update`. The exact types are in [api/](api/).',
  ];
  for (const { entry, names } of publicNames(program)) {
    parts.push('', `## \`${entry}\``, '');
    if (entry === 'nestjs-amqp10') parts.push('Besides these, everything of `nestjs-amqp10/client`.', '');
    parts.push('| name | kind | what |', '| --- | --- | --- |');
    for (const { name, kind, comment } of names) parts.push(`| \`${name}\` | ${kind} | ${cell(sentence(comment))} |`);
    for (const { name, symbol } of names.filter((one) => one.name.endsWith('Options'))) {
      const rows = optionRows(symbol, checker);
      if (rows.length === 0) continue;
      parts.push('', `### \`${name}\``, '', '| option | type | default | what |', '| --- | --- | --- | --- |', ...rows);
    }
  }
  return `${parts.join('\n')}\n`;
}

function optionRows(symbol, checker) {
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  return type.getProperties().map((property) => {
    const [declaration] = property.declarations ?? [];
    const written = declaration && ts.isPropertySignature(declaration) ? declaration.type?.getText() : undefined;
    const text = written ?? checker.typeToString(checker.getTypeOfSymbol(property));
    const shown = text.replace(/\s*\|\s*undefined$/, '').replaceAll(/\s+/g, ' ');
    const fallback = ts.displayPartsToString(
      property.getJsDocTags(checker).find((tag) => tag.name === 'default' || tag.name === 'defaultValue')?.text,
    );
    const needed = property.flags & ts.SymbolFlags.Optional ? '' : '**required**';
    return `| \`${property.name}\` | ${code(shown)} | ${fallback ? cell(fallback) : needed} | ${cell(commentOf(property, checker))} |`;
  });
}

/** The first sentence. */
function sentence(text) {
  return /^.*?[.!?](?=\s|$)/.exec(text)?.[0] ?? text;
}

function cell(text) {
  return text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;').trim();
}

function code(text) {
  return `\`${text.replaceAll('|', '\\|')}\``;
}
