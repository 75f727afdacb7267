// RabbitMQ 4.0 (AMQP 1.0 built in) and RabbitMQ 3.10 (by its plug-in), from Debian's packages.
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { debianMissing, unpackDebian } from './packages.mjs';
import {
  folder,
  isInstalledAs,
  markInstalled,
  missing,
  PORT_OFFSET,
  portIsOpen,
  run,
  signalAndWait,
  startDetached,
  TLS,
  untilPort,
} from './processes.mjs';

const ERLANG = (
  'erlang-base erlang-asn1 erlang-crypto erlang-public-key erlang-mnesia erlang-runtime-tools erlang-ssl erlang-eldap erlang-inets ' +
  'erlang-os-mon erlang-parsetools erlang-syntax-tools erlang-tools erlang-xmerl'
).split(' ');
const NEWER_LIBRARIES = 'libc6 libgcc-s1 libstdc++6 zlib1g libtinfo6 libssl3t64 libzstd1 libsystemd0 libcap2'.split(
  ' ',
);

export const rabbitmq4 = rabbitmq({
  name: 'rabbitmq-4',
  version: '4.0.5',
  release: 'trixie',
  packages: ['rabbitmq-server', ...ERLANG, ...NEWER_LIBRARIES],
  port: 5674 + PORT_OFFSET,
  tlsPort: 5684 + PORT_OFFSET,
  epmdPort: 4374 + PORT_OFFSET,
  plugins: ['rabbitmq_amqp1_0', 'rabbitmq_auth_mechanism_ssl'],
  settings: (tlsPort) => [
    `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
    `ssl_options.cacertfile = ${TLS}/ca.pem`,
    `ssl_options.certfile = ${TLS}/server.pem`,
    `ssl_options.keyfile = ${TLS}/server.key`,
    'ssl_options.verify = verify_peer',
    'ssl_options.fail_if_no_peer_cert = false',
    'auth_mechanisms.1 = PLAIN',
    'auth_mechanisms.2 = AMQPLAIN',
    'auth_mechanisms.3 = ANONYMOUS',
    'auth_mechanisms.4 = EXTERNAL',
    'anonymous_login_user = guest',
    'anonymous_login_pass = guest',
    'ssl_cert_login_from = common_name',
  ],
});

export const rabbitmq3 = rabbitmq({
  name: 'rabbitmq-3',
  version: '3.10.8',
  release: 'bookworm',
  packages: ['rabbitmq-server', ...ERLANG, 'erlang-ftp', 'erlang-tftp', 'erlang-snmp'],
  port: 5673 + PORT_OFFSET,
  tlsPort: undefined,
  epmdPort: 4373 + PORT_OFFSET,
  plugins: ['rabbitmq_amqp1_0'],
  settings: () => ['amqp1_0.default_user = guest'],
});

function rabbitmq({ name, version, release, packages, port, tlsPort, epmdPort, plugins, settings }) {
  const root = () => folder(name, 'root');
  const home = () => folder(name, 'run');
  const script = (command) => join(root(), 'usr/lib/rabbitmq/lib', `rabbitmq_server-${version}`, 'sbin', command);

  const environment = () => ({
    ...process.env,
    ERL_ROOTDIR: join(root(), 'usr/lib/erlang'),
    PATH: `${join(root(), 'usr/lib/erlang/bin')}:${process.env.PATH}`,
    HOME: home(),
    LANG: 'C.UTF-8',
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_NODENAME: `${name.replace('-', '')}@localhost`,
    RABBITMQ_DIST_PORT: String(port + 20_000),
    RABBITMQ_MNESIA_BASE: join(home(), 'mnesia'),
    RABBITMQ_LOG_BASE: join(home(), 'log'),
    RABBITMQ_CONFIG_FILE: join(home(), 'rabbitmq'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home(), 'enabled_plugins'),
    RABBITMQ_CONF_ENV_FILE: join(home(), 'none'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  });

  return {
    name,
    port,
    tlsPort,
    product: `RabbitMQ ${version}`,
    whyNot: () => debianMissing() ?? missing('openssl'),
    isInstalled: () => isInstalledAs(name, version),

    install() {
      unpackDebian(release, name, packages);
      if (release === 'trixie') throughOwnLoader(root());
      const erl = join(root(), 'usr/lib/erlang/bin/erl');
      // Debian's `erl` has its root folder built in
      const here = readFileSync(erl, 'utf8').replaceAll(
        /^( *ROOTDIR=)\/usr\/lib\/erlang/gm,
        `$1${join(root(), 'usr/lib/erlang')}`,
      );
      writeFileSync(erl, here);
      markInstalled(name, version);
    },

    async start() {
      mkdirSync(join(home(), 'log'), { recursive: true });
      const lines = [`listeners.tcp.1 = 127.0.0.1:${port}`, 'log.console = true', ...settings(tlsPort)];
      writeFileSync(join(home(), 'rabbitmq.conf'), `${lines.join('\n')}\n`);
      writeFileSync(join(home(), 'enabled_plugins'), `[${plugins.join(',')}].\n`);
      const env = environment();
      if (!(await portIsOpen(epmdPort))) {
        startDetached(`${name}-epmd`, 'epmd', ['-address', '127.0.0.1', '-port', String(epmdPort)], { env });
        if (!(await untilPort(epmdPort, true, 10_000))) throw new Error('epmd does not answer');
      }
      startDetached(name, script('rabbitmq-server'), [], { env, cwd: home() });
      if (!(await untilPort(tlsPort ?? port, true, 90_000))) throw new Error('no answer on its port within 90 s');
      // the launcher stays; the pid that signals go to is the node's own
      const pid = this.control(['rabbitmqctl', '-q', 'eval', 'os:getpid().']).replaceAll(/[^0-9]/g, '');
      writeFileSync(join(home(), 'pid'), pid);
      this.addUser('nobody', 'nobody', '^$');
      if (tlsPort !== undefined) this.addUser('certuser', 'unused', '.*');
    },

    async stop() {
      await signalAndWait(name, 'SIGTERM', 60_000);
      await signalAndWait(`${name}-epmd`, 'SIGTERM', 5_000);
    },

    /** Runs one of the product's own tools. */
    control: ([command, ...args]) => run(script(command), args, { env: environment(), cwd: home() }),

    /** @param rights the names of what may be configured, written and read */
    addUser(user, password, rights) {
      const users = this.control(['rabbitmqctl', '-q', 'list_users']);
      if (users.split('\n').some((line) => line.split('\t')[0] === user)) return;
      this.control(['rabbitmqctl', '-q', 'add_user', user, password]);
      this.control(['rabbitmqctl', '-q', 'set_permissions', user, rights, rights, rights]);
    },
  };
}

/** The newer release's programs need its own C library: each is wrapped to run through that release's loader. */
function throughOwnLoader(root) {
  const loader = join(root, 'usr/lib64/ld-linux-x86-64.so.2');
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  const programs = [...filesUnder(join(root, 'usr/lib/erlang'))].filter(
    (file) => /\/(erts-[^/]+\/bin|erlang\/bin|priv\/bin)\//.test(file) && !lstatSync(file).isSymbolicLink(),
  );
  for (const program of programs) {
    if (!run('file', ['-b', program]).startsWith('ELF')) continue;
    renameSync(program, `${program}.real`);
    writeFileSync(program, `#!/bin/sh\nexec ${loader} --library-path ${libraries} --argv0 "$0" ${program}.real "$@"\n`);
    chmodSync(program, 0o755);
  }
}

function* filesUnder(path) {
  for (const entry of readdirSync(path)) {
    const file = join(path, entry);
    if (lstatSync(file).isSymbolicLink()) continue;
    if (statSync(file).isDirectory()) yield* filesUnder(file);
    else yield file;
  }
}
