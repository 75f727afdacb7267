// Apache ActiveMQ Classic 5.17 from Debian's packages; its AMQP module is not among them and is compiled from Debian's source archive.
import { mkdirSync, readdirSync, readFileSync, writeFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STORE_PASSWORD } from './certificates.mjs';
import { javaBroker } from './java-broker.mjs';
import { debianMissing, debianSource, unpackDebian } from './packages.mjs';
import { folder, run, TLS } from './processes.mjs';

const NAME = 'activemq';
const LAUNCHER = fileURLToPath(new URL('./java/ActiveMq.java', import.meta.url));
const PACKAGES = (
  'libactivemq-java libactivemq-protobuf-java libhawtbuf-java libgeronimo-jms-1.1-spec-java libgeronimo-j2ee-management-1.1-spec-java ' +
  'libgeronimo-jta-1.2-spec-java libgeronimo-j2ee-connector-1.5-spec-java libslf4j-java libapache-qpid-proton-j-java libcommons-logging-java ' +
  'libjackson2-core-java libjackson2-databind-java libjackson2-annotations-java libcommons-pool2-java libcommons-net-java'
).split(' ');
/** Bridges that would log twice, modules that need more than we unpack, and the links with a version in their name. */
const UNWANTED =
  /log4j12|slf4j-(jcl|jdk|log4j|nop|ext|migrator|android)|jcl-over|over-slf4j|jul-to|activemq-(log4j|shiro|spring|run|web)|-[0-9][0-9.]*jar$/;

export const activemq = javaBroker({
  name: NAME,
  product: 'ActiveMQ Classic 5.17',
  recipe: '5.17, with nobody',
  tools: ['javac'],
  whyNot: debianMissing,
  port: 5676,

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
  },

  command({ port, tlsPort }) {
    const classpath = readFileSync(folder(NAME, 'classpath'), 'utf8');
    const settings = [folder(NAME, 'run'), TLS, String(port), String(tlsPort), STORE_PASSWORD];
    return ['java', ['-Xmx512m', '-cp', classpath, 'ActiveMq', ...settings]];
  },
});
