// Debian's packages into a folder of ours, without root and without touching the system's own package state; Java libraries by Maven.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, missing, run } from './processes.mjs';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export function debianMissing() {
  for (const command of ['apt-get', 'dpkg', 'file']) {
    const why = missing(command);
    if (why !== undefined) return why;
  }
  return existsSync(KEYRING) ? undefined : 'this is no Debian: its archive keyring is not here';
}

/** Downloads and unpacks exactly these packages of a release; dependencies are not resolved. */
export function unpackDebian(release, name, packages) {
  const env = aptState(release);
  const debs = folder(name, 'debs');
  const root = folder(name, 'root');
  mkdirSync(debs, { recursive: true });
  mkdirSync(root, { recursive: true });
  run('apt-get', ['-q', 'download', ...packages], { cwd: debs, env });
  for (const deb of readdirSync(debs)) run('dpkg', ['-x', join(debs, deb), root]);
  rmSync(debs, { recursive: true });
  return root;
}

/** The upstream source archive of a Debian package; returns its file name. */
export function debianSource(release, name, source) {
  const cwd = folder(name, 'src');
  mkdirSync(cwd, { recursive: true });
  try {
    run('apt-get', ['-q', 'source', '--download-only', source], { cwd, env: aptState(release) });
  } catch {
    // the description file may be missing on a mirror while the archive itself, checked by apt, has arrived: looked at below
  }
  const archive = readdirSync(cwd).find((file) => file.startsWith(`${source}_`) && file.includes('.orig.tar'));
  if (archive === undefined) throw new Error(`the source of ${source} cannot be had from Debian ${release}`);
  return join(cwd, archive);
}

/** A private package state for one release, with the mirrors that the machine itself uses. */
function aptState(release) {
  const state = folder(`apt-${release}`);
  const configuration = join(state, 'apt.conf');
  const env = { ...process.env, APT_CONFIG: configuration };
  if (existsSync(join(state, 'updated'))) return env;
  const mirrors = run('apt-get', ['indextargets', '--format', '$(SITE)', 'Created-By: Packages']).split('\n');
  const main = mirrors.find((site) => site.endsWith('/debian'));
  const security = mirrors.find((site) => site.endsWith('/debian-security'));
  if (main === undefined) throw new Error('the machine has no Debian mirror configured');
  const folders = ['etc/apt/apt.conf.d', 'etc/apt/preferences.d', 'etc/apt/sources.list.d', 'etc/apt/trusted.gpg.d'];
  for (const path of [...folders, 'var/lib/apt/lists/partial', 'var/lib/dpkg', 'var/cache/apt/archives/partial'])
    mkdirSync(join(state, path), { recursive: true });
  writeFileSync(join(state, 'var/lib/dpkg/status'), '');
  const lines = ['deb', 'deb-src'].map((kind) => `${kind} [signed-by=${KEYRING}] ${main} ${release} main`);
  if (security !== undefined) lines.push(`deb [signed-by=${KEYRING}] ${security} ${release}-security main`);
  writeFileSync(join(state, 'etc/apt/sources.list'), `${lines.join('\n')}\n`);
  const settings = [
    `Dir "${state}";`,
    `Dir::State::status "${state}/var/lib/dpkg/status";`,
    'APT::Architecture "amd64";',
    'Acquire::Languages "none";',
    'APT::Sandbox::User "";',
  ];
  writeFileSync(configuration, `${settings.join('\n')}\n`);
  run('apt-get', ['-q', 'update'], { env });
  writeFileSync(join(state, 'updated'), '');
  return env;
}

/** Copies Maven artifacts with what they need to `lib`; each is `group:artifact:version`, `group:artifact:version:classifier:type` for an archive. */
export function mavenLibraries(name, artifacts) {
  const lib = folder(name, 'lib');
  mkdirSync(lib, { recursive: true });
  const dependencies = artifacts.map((text) => {
    const [group, artifact, version] = text.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  });
  const own =
    '<modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>libraries</artifactId><version>1</version>';
  writeFileSync(
    folder(name, 'pom.xml'),
    `<project>${own}<dependencies>${dependencies.join('')}</dependencies></project>`,
  );
  run('mvn', ['-q', '-f', folder(name, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${lib}`]);
  return lib;
}

/** Unpacks a distribution archive from Maven into the broker's folder. */
export function mavenArchive(name, artifact, stripped) {
  const target = folder(name, 'archive');
  mkdirSync(target, { recursive: true });
  const copy = [
    'dependency:copy',
    `-Dartifact=${artifact}`,
    `-DoutputDirectory=${target}`,
    '-Dmdep.useBaseVersion=true',
  ];
  writeFileSync(
    folder(name, 'pom.xml'),
    '<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>archive</artifactId><version>1</version></project>',
  );
  run('mvn', ['-q', '-f', folder(name, 'pom.xml'), ...copy]);
  const [archive] = readdirSync(target);
  mkdirSync(stripped, { recursive: true });
  run('tar', ['xzf', join(target, archive), '-C', stripped, '--strip-components=1']);
  rmSync(target, { recursive: true });
}
