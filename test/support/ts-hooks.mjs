import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from '@swc/core';

const LIBRARY = /^nestjs-amqp10(?:\/(\w+))?$/;

/** A `.js` file that is not there means the `.ts` file; the package's name means this repository. */
export async function resolve(specifier, context, nextResolve) {
  const entry = LIBRARY.exec(specifier);
  if (entry !== null) {
    const path = entry[1] === undefined ? '../../lib/index.ts' : `../../lib/${entry[1]}/index.ts`;
    return { url: new URL(path, import.meta.url).href, format: 'module', shortCircuit: true };
  }
  if (/^(\.|file:)/.test(specifier) && specifier.endsWith('.js')) {
    const url = new URL(specifier, context.parentURL);
    const source = new URL(url.href.replace(/\.js$/, '.ts'));
    if (url.protocol === 'file:' && !existsSync(url) && existsSync(source)) {
      return { url: source.href, format: 'module', shortCircuit: true };
    }
  }
  return nextResolve(specifier, context);
}

/** TypeScript becomes JavaScript by the project's `.swcrc`. */
export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context);
  const filename = fileURLToPath(url);
  const { code } = await transform(await readFile(filename, 'utf8'), { filename });
  return { format: 'module', source: code, shortCircuit: true };
}
