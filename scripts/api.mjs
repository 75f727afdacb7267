// Compares the public surface with docs/api, and docs/reference.md with the comments in lib; `--update` writes them anew.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { reference } from './reference.mjs';
import { root } from './library.mjs';

const require = createRequire(import.meta.url);
const { Extractor, ExtractorConfig, ExtractorLogLevel } = require('@microsoft/api-extractor');
const update = process.argv.includes('--update');
const reports = join(root, 'docs/api');
// Inside the repository, so that the declarations find the packages they name.
const scratch = join(root, 'dist/api');
const { version, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** The report of one entry, as text. */
function reportOf(name, declaration) {
  const file = `${name}.api.md`;
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
    packageJson: { name, version },
    configObject: {
      projectFolder: scratch,
      mainEntryPointFilePath: join(scratch, declaration),
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'es2023',
            module: 'nodenext',
            moduleResolution: 'nodenext',
            types: ['node'],
            strict: true,
            skipLibCheck: true,
          },
          files: [join(scratch, declaration)],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: file,
        reportFolder: scratch,
        reportTempFolder: join(scratch, 'temp'),
        // A type that users meet but cannot name is part of the surface all the same.
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });
  const result = Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = message.logLevel !== ExtractorLogLevel.Error;
    },
  });
  if (result.errorCount > 0) throw new Error(`${name}: the declarations do not compile`);
  return readFileSync(join(scratch, file), 'utf8').replaceAll('\r\n', '\n');
}

let changed = 0;
try {
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  execFileSync(
    process.execPath,
    [
      resolve(root, 'node_modules/typescript/bin/tsc'),
      '-p',
      join(root, 'tsconfig.build.json'),
      '--emitDeclarationOnly',
      '--outDir',
      join(scratch, 'types'),
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  mkdirSync(reports, { recursive: true });
  for (const [entry, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue;
    const name = `nestjs-amqp10${entry.slice(1).replace('/', '.')}`;
    const report = reportOf(name, target.import.types.replace('./dist/esm/', 'types/'));
    compare(`docs/api/${name}.api.md`, report);
  }
  compare('docs/reference.md', reference());
  if (changed > 0) {
    console.error(
      `${changed} of the stored reports differ. If that is meant: npm run api -- --update, and a line in CHANGELOG.md.`,
    );
    process.exitCode = 1;
  }
} catch (error) {
  console.error(`api: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function compare(file, text) {
  const stored = join(root, file);
  if (update) {
    writeFileSync(stored, text);
    console.log(`written ${file}`);
  } else if (same(text, stored)) {
    console.log(`ok ${file}`);
  } else {
    changed += 1;
    const fresh = join(scratch, 'fresh.md');
    writeFileSync(fresh, text);
    console.error(`CHANGED ${file}\n${difference(stored, fresh)}`);
  }
}

function same(report, stored) {
  try {
    return readFileSync(stored, 'utf8').replaceAll('\r\n', '\n') === report;
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

function difference(stored, fresh) {
  try {
    return execFileSync('git', ['diff', '--no-index', '--no-color', '-U1', '--', stored, fresh], { encoding: 'utf8' });
  } catch (error) {
    // git ends with 1 when there is a difference, and with more when there is no stored report.
    return error.stdout || 'there is no stored report';
  }
}
