// What the brokers that are Java programs have in common: a recipe by which they are installed, two ports, and one process.
import {
  isInstalledAs,
  markInstalled,
  missing,
  PORT_OFFSET,
  signalAndWait,
  startDetached,
  untilLogged,
  untilPort,
} from './processes.mjs';

/** What each needs for its certificates and to run; the rest it names itself. */
const TOOLS = ['java', 'keytool', 'openssl'];
const START_MS = 90_000;

/**
 * `port`: plain, TLS is ten above. `tools`: commands it is installed with; `whyNot`: what else may stand against that. `recipe`: another one
 * is another installation. `install(ports)` leaves what `command(ports)` starts: the arguments of `startDetached` behind the name. Started
 * is what answers on its TLS port and has printed `ready`, if it prints such a line.
 */
export function javaBroker({ name, product, recipe, tools, whyNot = () => undefined, port, install, command, ready }) {
  const ports = { port: port + PORT_OFFSET, tlsPort: port + 10 + PORT_OFFSET };
  return {
    name,
    product,
    ...ports,
    whyNot: () => [...TOOLS, ...tools].map(missing).find((why) => why !== undefined) ?? whyNot(),
    isInstalled: () => isInstalledAs(name, recipe),

    install() {
      install(ports);
      markInstalled(name, recipe);
    },

    async start() {
      startDetached(name, ...command(ports));
      const isUp = await untilPort(ports.tlsPort, true, START_MS);
      if (!isUp) throw new Error(`no answer on its port within ${START_MS / 1_000} s`);
      // Ports may answer before queues are there.
      if (ready !== undefined && !(await untilLogged(name, ready, START_MS))) throw new Error('not ready in time');
    },

    stop: () => signalAndWait(name, 'SIGTERM', 60_000),
  };
}
