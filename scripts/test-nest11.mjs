// The Nest-facing tests again under Nest 11, in a copy of the repository with an install of its own. Arguments go to Jest.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { inScratch, root, step } from './packed.mjs';

await inScratch('nest11', (scratch) => {
  for (const name of ['docs', 'lib', 'test', 'scripts', 'tsconfig.json', 'jest.config.js', '.swcrc']) {
    cpSync(join(root, name), join(scratch, name), { recursive: true });
  }
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const name of Object.keys(manifest.devDependencies)) {
    if (name === '@nestjs/cli') delete manifest.devDependencies[name];
    else if (name.startsWith('@nestjs/')) manifest.devDependencies[name] = '^11.0.0';
  }
  writeFileSync(join(scratch, 'package.json'), JSON.stringify(manifest, null, 2));
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  if (!step('nest11: install', scratch, 'npm', 'install', ...flags)) return;
  const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', 'test/nest', ...process.argv.slice(2)];
  const { status } = spawnSync(process.execPath, jest, { cwd: scratch, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
});
