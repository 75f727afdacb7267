// CONVENTIONS rules 1 to 3 as data: who may import whom, through which door, and which packages.

import { importsOf, parse, type Import, type Source, type Violation } from './sources.js';

type Layer = 'index' | 'nest' | 'health' | 'dashboard' | 'testing' | 'telemetry' | 'client' | 'broker' | 'protocol';

/** `static`: any import. `lazy`: only `import()` and types. `type`: only types. */
type Strength = 'static' | 'lazy' | 'type';

/** What each folder of lib may import of the others. What is not listed is not allowed. */
const mayImport: Record<Layer, Partial<Record<Layer, Strength>>> = {
  index: { nest: 'static', client: 'static' },
  health: { index: 'static', nest: 'static', client: 'static' },
  dashboard: { index: 'static', nest: 'static', client: 'static' },
  testing: { index: 'static', nest: 'static', client: 'static', broker: 'static' },
  nest: { client: 'static', broker: 'lazy' },
  telemetry: { client: 'static' },
  client: { protocol: 'static' },
  broker: { protocol: 'static', client: 'type' },
  protocol: {},
};

/** The files through which a layer is entered, by who enters. `lib/index.ts` lists nest's names by hand and is its door to users. */
function doorsOf(layer: Layer, from: Layer): readonly string[] {
  if (layer === 'index') return ['lib/index.ts'];
  if (layer === 'nest') return ['lib/nest/index.ts'];
  // The checkers of options are no public names, and these have options of their own to check.
  if (layer === 'client' && (from === 'health' || from === 'dashboard'))
    return ['lib/client/index.ts', 'lib/client/options/index.ts'];
  // Nor is what observers are told.
  if (layer === 'client' && from === 'nest')
    return ['lib/client/index.ts', 'lib/client/options/index.ts', 'lib/client/observer/index.ts'];
  if (layer === 'protocol') return [from === 'broker' ? 'lib/protocol/acceptor/index.ts' : 'lib/protocol/index.ts'];
  return [`lib/${layer}/index.ts`];
}

/** Packages outside Node, and the folders whose files may import them. */
const packages: readonly {
  readonly name: RegExp;
  readonly folders: readonly string[];
  readonly how: Strength;
  readonly rule: string;
}[] = [
  {
    name: /^rhea(-promise)?($|\/)/,
    folders: ['lib/protocol/control/'],
    how: 'static',
    rule: 'rhea and rhea-promise are imported only in lib/protocol/control (rule 3)',
  },
  {
    name: /^(@nestjs\/|rxjs($|\/)|reflect-metadata$)/,
    folders: ['lib/nest/', 'lib/health/', 'lib/dashboard/', 'lib/testing/', 'lib/index.ts'],
    how: 'static',
    rule: '@nestjs/* and rxjs are imported only in lib/nest and the folders above it (rule 3)',
  },
  {
    name: /^ws$/,
    folders: ['lib/protocol/socket/'],
    how: 'lazy',
    rule: 'ws is an optional peer: only lib/protocol/socket imports it, lazily (rule 3)',
  },
  {
    name: /^@opentelemetry\//,
    folders: ['lib/telemetry/'],
    how: 'static',
    rule: 'OpenTelemetry is imported only in lib/telemetry',
  },
];

/** Every import in one source that CONVENTIONS rules 1 to 3 do not allow. */
export function layerViolations(source: Source): Violation[] {
  return importsOf(parse(source)).flatMap((found) => {
    const rule = found.file === undefined ? packageRule(source.path, found) : fileRule(source.path, found, found.file);
    return rule === undefined ? [] : [{ file: source.path, line: found.line, rule: `${rule}: '${found.specifier}'` }];
  });
}

function fileRule(path: string, found: Import, target: string): string | undefined {
  const from = layerOf(path);
  const to = layerOf(target);
  if (from === undefined || to === undefined) return 'an import stays within a known folder of lib (rule 1)';
  if (from === to) return insideRule(path, target);
  // The public list of nest's names is made of the files themselves.
  if (from === 'index' && to === 'nest') return undefined;
  const strength = mayImport[from][to];
  if (strength === undefined) return `lib/${from} must not import lib/${to} (rule 1)`;
  if (!allows(strength, found.how)) {
    const how = strength === 'type' ? 'only types' : 'only with import() or as types';
    return `lib/${from} may import lib/${to} ${how} (rule 1)`;
  }
  const doors = doorsOf(to, from);
  return doors.includes(target) ? undefined : `lib/${to} is entered through ${doors.join(' or ')} (rule 2)`;
}

function insideRule(path: string, target: string): string | undefined {
  if (path.startsWith('lib/protocol/control/') || !target.startsWith('lib/protocol/control/')) {
    const isDoor = target.endsWith('/index.ts');
    return isDoor ? 'inside a layer import the file itself, never an index.ts (rule 2)' : undefined;
  }
  const loadsNoRhea = path.startsWith('lib/protocol/acceptor/') || path.startsWith('lib/protocol/session/');
  return loadsNoRhea
    ? 'the data plane and the acceptor load no rhea: they must not import control (rule 3)'
    : undefined;
}

function packageRule(path: string, found: Import): string | undefined {
  if (found.specifier.startsWith('node:')) return undefined;
  const known = packages.find(({ name }) => name.test(found.specifier));
  if (known === undefined) {
    const terminus = found.specifier === '@nestjs/terminus' && path.startsWith('lib/health/');
    return terminus ? undefined : 'lib imports only node:* and the packages that README.md names (rule 3)';
  }
  const here = known.folders.some((folder) => path.startsWith(folder));
  return here && allows(known.how, found.how) ? undefined : known.rule;
}

function allows(strength: Strength, how: Import['how']): boolean {
  return strength === 'static' || how === 'type' || (strength === 'lazy' && how === 'lazy');
}

function layerOf(path: string): Layer | undefined {
  if (path === 'lib/index.ts') return 'index';
  const folder = /^lib\/([^/]+)\//.exec(path)?.[1];
  return folder !== undefined && folder in mayImport && folder !== 'index' ? (folder as Layer) : undefined;
}
