// Apache ActiveMQ Classic 5.17 from Debian's packages; its AMQP module is not among them and is compiled from Debian's source archive.
import { mkdirSync, readdirSync, readFileSync, writeFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STORE_PASSWORD } from './certificates.mjs';
import { debianMissing, debianSource, unpackDebian } from './packages.mjs';
import {
  folder,
  isInstalledAs,
  markInstalled,
  missing,
  PORT_OFFSET,
  run,
  signalAndWait,
  startDetached,
  TLS,
  untilPort,
} from './processes.mjs';

const NAME = 'activemq';
const RECIPE = '5.17, with nobody';
const PORT = 5676 + PORT_OFFSET;
const TLS_PORT = 5686 + PORT_OFFSET;
const LAUNCHER = fileURLToPath(new URL('./java/ActiveMq.java', import.meta.url));
const PACKAGES = (
  'libactivemq-java libactivemq-protobuf-java libhawtbuf-java libgeronimo-jms-1.1-spec-java libgeronimo-j2ee-management-1.1-spec-java ' +
  'libgeronimo-jta-1.2-spec-java libgeronimo-j2ee-connector-1.5-spec-java libslf4j-java libapache-qpid-proton-j-java libcommons-logging-java ' +
  'libjackson2-core-java libjackson2-databind-java libjackson2-annotations-java libcommons-pool2-java libcommons-net-java'
).split(' ');
/** Bridges that would log twice, modules that need more than we unpack, and the links with a version in their name. */
const UNWANTED =
  /log4j12|slf4j-(jcl|jdk|log4j|nop|ext|migrator|android)|jcl-over|over-slf4j|jul-to|activemq-(log4j|shiro|spring|run|web)|-[0-9][0-9.]*jar$/;

export const activemq = {
  name: NAME,
  port: PORT,
  tlsPort: TLS_PORT,
  product: 'ActiveMQ Classic 5.17',
  whyNot: () => debianMissing() ?? missing('javac') ?? missing('keytool') ?? missing('openssl'),
  isInstalled: () => isInstalledAs(NAME, RECIPE),

  install() {
    const root = unpackDebian('trixie', NAME, PACKAGES);
    const source = debianSource('trixie', NAME, 'activemq');
    const wanted = ['--wildcards', '--strip-components=1', '*/activemq-amqp/src/main'];
    run('tar', ['xf', source, ...wanted], { cwd: folder(NAME, 'src') });
    const main = folder(NAME, 'src', 'activemq-amqp', 'src', 'main');
    const jars = readdirSync(join(root, 'usr/share/java')).filter(
      (file) => file.endsWith('.jar') && !UNWANTED.test(file),
    );
    const libraries = jars.map((file) => join(root, 'usr/share/java', file)).join(':');
    const classes = folder(NAME, 'classes');
    mkdirSync(classes, { recursive: true });
    const sources = readdirSync(join(main, 'java'), { recursive: true }).filter((file) => file.endsWith('.java'));
    const files = sources.map((file) => join(main, 'java', file));
    const classpath = `${classes}:${libraries}`;
    run('javac', ['-nowarn', '-proc:none', '-d', classes, '-cp', classpath, ...files, LAUNCHER]);
    cpSync(join(main, 'resources'), classes, { recursive: true });
    writeFileSync(folder(NAME, 'classpath'), classpath);
    markInstalled(NAME, RECIPE);
  },

  async start() {
    const classpath = readFileSync(folder(NAME, 'classpath'), 'utf8');
    const data = folder(NAME, 'run');
    const ports = [String(PORT), String(TLS_PORT)];
    startDetached(NAME, 'java', ['-Xmx512m', '-cp', classpath, 'ActiveMq', data, TLS, ...ports, STORE_PASSWORD]);
    if (!(await untilPort(TLS_PORT, true, 60_000))) throw new Error('no answer on its port within 60 s');
  },

  stop: () => signalAndWait(NAME, 'SIGTERM', 30_000),
};
