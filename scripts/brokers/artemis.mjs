// Apache Artemis from Maven Central.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STORE_PASSWORD } from './certificates.mjs';
import { mavenArchive } from './packages.mjs';
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

const NAME = 'artemis';
const VERSION = '2.44.0';
const RECIPE = `${VERSION}, with nobody`;
const PORT = 5678 + PORT_OFFSET;
const TLS_PORT = 5688 + PORT_OFFSET;

export const artemis = {
  name: NAME,
  port: PORT,
  tlsPort: TLS_PORT,
  product: `Artemis ${VERSION}`,
  whyNot: () => missing('java') ?? missing('mvn') ?? missing('keytool') ?? missing('openssl'),
  isInstalled: () => isInstalledAs(NAME, RECIPE),

  install() {
    mavenArchive(NAME, `org.apache.activemq:apache-artemis:${VERSION}:tar.gz:bin`, folder(NAME, 'home'));
    const without = [
      '--no-amqp-acceptor',
      '--no-mqtt-acceptor',
      '--no-stomp-acceptor',
      '--no-hornetq-acceptor',
      '--no-web',
    ];
    const user = ['--user', 'guest', '--password', 'guest', '--require-login'];
    const listen = [
      '--host',
      '127.0.0.1',
      '--default-port',
      String(PORT + 20_000),
      '--silent',
      '--nio',
      '--no-autotune',
    ];
    run(folder(NAME, 'home/bin/artemis'), ['create', folder(NAME, 'instance'), ...user, ...listen, ...without]);
    configure(folder(NAME, 'instance', 'etc', 'broker.xml'));
    addNobody(folder(NAME, 'instance', 'etc'));
    markInstalled(NAME, RECIPE);
  },

  async start() {
    startDetached(NAME, folder(NAME, 'instance/bin/artemis'), ['run'], {
      env: { ...process.env, JAVA_ARGS: '-Xms128m -Xmx768m' },
    });
    if (!(await untilPort(TLS_PORT, true, 90_000))) throw new Error('no answer on its port within 90 s');
  },

  stop: () => signalAndWait(NAME, 'SIGTERM', 60_000),
};

/** A user who may connect, and nothing else. */
function addNobody(etc) {
  appendFileSync(join(etc, 'artemis-users.properties'), '\nnobody = nobody\n');
  appendFileSync(join(etc, 'artemis-roles.properties'), '\nnothing = nobody\n');
}

/** AMQP 1.0 acceptors, a dead-letter and an expiry queue per queue, ten deliveries. */
function configure(file) {
  const amqp = 'protocols=AMQP;amqpCredits=1000;amqpLowCredits=300;amqpMinLargeMessageSize=1048576';
  const keys = `sslEnabled=true;keyStorePath=${join(TLS, 'server.p12')};keyStorePassword=${STORE_PASSWORD};keyStoreType=PKCS12`;
  const trust = `trustStorePath=${join(TLS, 'ca.p12')};trustStorePassword=${STORE_PASSWORD};trustStoreType=PKCS12;wantClientAuth=true`;
  const acceptors = [
    `<acceptor name="amqp">tcp://127.0.0.1:${PORT}?${amqp}</acceptor>`,
    `<acceptor name="amqps">tcp://127.0.0.1:${TLS_PORT}?${amqp};${keys};${trust}</acceptor>`,
  ];
  const queues = [
    '<address-setting match="#">',
    '<dead-letter-address>DLQ</dead-letter-address>',
    '<expiry-address>ExpiryQueue</expiry-address>',
    '<max-delivery-attempts>10</max-delivery-attempts>',
    '<redelivery-delay>0</redelivery-delay>',
    '<auto-create-dead-letter-resources>true</auto-create-dead-letter-resources>',
    '<dead-letter-queue-prefix>DLQ.</dead-letter-queue-prefix>',
    '<auto-create-expiry-resources>true</auto-create-expiry-resources>',
  ];
  const settings = readFileSync(file, 'utf8')
    .replace(/<acceptors>[\s\S]*?<\/acceptors>/, `<acceptors>${acceptors.join('')}</acceptors>`)
    .replace(/<address-setting match="#">[\s\S]*?<redelivery-delay>0<\/redelivery-delay>/, queues.join(''));
  writeFileSync(file, settings);
}
