// Adds to package-lock.json the platform packages that the registry did not have when it was written. npm records only what it found
// (a mirror may hold the packages of one platform), and `npm ci` then refuses the file. To be run after each change of the lock.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = fileURLToPath(new URL('../package-lock.json', import.meta.url));
const lock = JSON.parse(readFileSync(path, 'utf8'));
const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

let added = 0;
for (const holder of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(holder.optionalDependencies ?? {})) {
    const words = name.split(/[/-]/);
    const os = systems.find((system) => words.includes(system));
    const cpu = processors.find((processor) => words.includes(processor));
    if (lock.packages[`node_modules/${name}`] || !os || !cpu) continue;
    if (!/^\d+\.\d+\.\d+$/.test(version))
      throw new Error(`${name}@${version}: only exact versions can be written down unseen`);
    lock.packages[`node_modules/${name}`] = { version, cpu: [cpu], dev: true, optional: true, os: [os] };
    added += 1;
  }
}
const sorted = Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, 'en'));
writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
console.log(`${added} packages added`);
