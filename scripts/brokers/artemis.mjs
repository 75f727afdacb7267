// Apache Artemis from Maven Central.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STORE_PASSWORD } from './certificates.mjs';
import { javaBroker } from './java-broker.mjs';
import { mavenArchive } from './packages.mjs';
import { folder, run, TLS } from './processes.mjs';

const NAME = 'artemis';
const VERSION = '2.44.0';

export const artemis = javaBroker({
  name: NAME,
  product: `Artemis ${VERSION}`,
  recipe: `${VERSION}, with nobody`,
  tools: ['mvn'],
  port: 5678,

  install(ports) {
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
      String(ports.port + 20_000),
      '--silent',
      '--nio',
      '--no-autotune',
    ];
    run(folder(NAME, 'home/bin/artemis'), ['create', folder(NAME, 'instance'), ...user, ...listen, ...without]);
    configure(folder(NAME, 'instance', 'etc', 'broker.xml'), ports);
    addNobody(folder(NAME, 'instance', 'etc'));
  },

  command: () => [
    folder(NAME, 'instance/bin/artemis'),
    ['run'],
    { env: { ...process.env, JAVA_ARGS: '-Xms128m -Xmx768m' } },
  ],
});

/** A user who may connect, and nothing else. */
function addNobody(etc) {
  appendFileSync(join(etc, 'artemis-users.properties'), '\nnobody = nobody\n');
  appendFileSync(join(etc, 'artemis-roles.properties'), '\nnothing = nobody\n');
}

/** AMQP 1.0 acceptors, a dead-letter and an expiry queue per queue, ten deliveries. */
function configure(file, { port, tlsPort }) {
  const amqp = 'protocols=AMQP;amqpCredits=1000;amqpLowCredits=300;amqpMinLargeMessageSize=1048576';
  const keys = `sslEnabled=true;keyStorePath=${join(TLS, 'server.p12')};keyStorePassword=${STORE_PASSWORD};keyStoreType=PKCS12`;
  const trust = `trustStorePath=${join(TLS, 'ca.p12')};trustStorePassword=${STORE_PASSWORD};trustStoreType=PKCS12;wantClientAuth=true`;
  const acceptors = [
    `<acceptor name="amqp">tcp://127.0.0.1:${port}?${amqp}</acceptor>`,
    `<acceptor name="amqps">tcp://127.0.0.1:${tlsPort}?${amqp};${keys};${trust}</acceptor>`,
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
