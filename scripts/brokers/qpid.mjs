// Apache Qpid Broker-J from Maven Central, started from a few lines of Java.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STORE_PASSWORD } from './certificates.mjs';
import { javaBroker } from './java-broker.mjs';
import { mavenLibraries } from './packages.mjs';
import { folder, run, TLS } from './processes.mjs';

const NAME = 'qpid';
const VERSION = '9.2.1';
const LAUNCHER = fileURLToPath(new URL('./java/QpidBroker.java', import.meta.url));
const MODULES = [
  'core',
  'plugins-amqp-1-0-protocol',
  'plugins-management-amqp',
  'plugins-access-control',
  'plugins-derby-store',
  'plugins-memory-store',
];

export const qpid = javaBroker({
  name: NAME,
  product: `Qpid Broker-J ${VERSION}`,
  recipe: `${VERSION}, with management and access control`,
  tools: ['javac', 'mvn'],
  port: 5680,
  ready: 'Qpid Broker Ready',

  install(ports) {
    const artifacts = MODULES.map((module) => `org.apache.qpid:qpid-broker-${module}:${VERSION}`);
    const lib = mavenLibraries(NAME, [...artifacts, 'org.slf4j:slf4j-nop:2.0.16']);
    mkdirSync(folder(NAME, 'classes'), { recursive: true });
    run('javac', ['-nowarn', '-d', folder(NAME, 'classes'), '-cp', `${lib}/*`, LAUNCHER]);
    writeFileSync(folder(NAME, 'initial.json'), JSON.stringify(configuration(ports), undefined, 2));
  },

  command() {
    const classpath = `${folder(NAME, 'lib')}/*:${folder(NAME, 'classes')}`;
    const work = `-Dqpid.work_dir=${folder(NAME, 'run')}`;
    const memory = ['-Xmx512m', '-XX:MaxDirectMemorySize=512m'];
    return ['java', [...memory, work, '-cp', classpath, 'QpidBroker', folder(NAME, 'initial.json')]];
  },
});

/** `nobody` may connect, and nothing else. */
const RULES = [
  { identity: 'guest', operation: 'ALL', objectType: 'ALL', outcome: 'ALLOW', attributes: {} },
  { identity: 'nobody', operation: 'ACCESS', objectType: 'VIRTUALHOST', outcome: 'ALLOW', attributes: {} },
  { identity: 'ALL', operation: 'ALL', objectType: 'ALL', outcome: 'DENY', attributes: {} },
];

/** Queues are made on first use; after ten deliveries a message is dropped; messages are kept in Derby. */
function configuration({ port, tlsPort }) {
  const virtualHost = {
    type: 'DERBY',
    storePath: join(folder(NAME, 'run'), 'messages'),
    nodeAutoCreationPolicies: [
      {
        pattern: '.*',
        createdOnPublish: true,
        createdOnConsume: true,
        nodeType: 'queue',
        attributes: { maximumDeliveryAttempts: 10 },
      },
    ],
  };
  const aliases = ['defaultAlias', 'hostnameAlias', 'nameAlias'].map((type) => ({ name: type, type }));
  const shared = { bindingAddress: '127.0.0.1', protocols: ['AMQP_1_0'], virtualhostaliases: aliases };
  return {
    name: 'broker',
    modelVersion: '9.0',
    authenticationproviders: [
      {
        name: 'plain',
        type: 'Plain',
        secureOnlyMechanisms: [],
        users: ['guest', 'nobody'].map((name) => ({ name, type: 'managed', password: name })),
      },
    ],
    accesscontrolproviders: [{ name: 'rules', type: 'RuleBased', priority: 10, defaultResult: 'DENIED', rules: RULES }],
    keystores: [
      {
        name: 'server',
        type: 'FileKeyStore',
        storeUrl: join(TLS, 'server.p12'),
        password: STORE_PASSWORD,
        keyStoreType: 'pkcs12',
      },
    ],
    ports: [
      { name: 'AMQP', port, authenticationProvider: 'plain', ...shared },
      {
        name: 'AMQPS',
        port: tlsPort,
        transports: ['SSL'],
        keyStore: 'server',
        authenticationProvider: 'plain',
        ...shared,
      },
    ],
    virtualhostnodes: [
      {
        name: 'default',
        type: 'JSON',
        storePath: join(folder(NAME, 'run'), 'configuration'),
        defaultVirtualHostNode: 'true',
        virtualHostInitialConfiguration: JSON.stringify(virtualHost),
      },
    ],
  };
}
