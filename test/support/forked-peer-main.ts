import { ScriptedPeer } from './scripted-peer.js';
import type { ForkedCommands, ForkedScript } from './forked-peer.js';

process.once('message', (script: ForkedScript) => {
  void serve(script);
});
process.on('disconnect', () => process.exit(0));

async function serve(script: ForkedScript): Promise<void> {
  const peer = await ScriptedPeer.listen(script);
  const commands: ForkedCommands = {
    records: () => peer.records,
    violations: () => peer.violations,
    drop: () => peer.connections.forEach((connection) => connection.drop()),
    silence: (on) => {
      for (const connection of peer.connections) connection.silent = on;
    },
    closeConnections: (error) => peer.connections.forEach((connection) => connection.close(error)),
    send: (address, message) => {
      const links = peer.connections.flatMap((connection) => connection.links);
      const link = links.find((candidate) => candidate.clientRole === 'receiver' && candidate.address === address);
      if (link === undefined) throw new Error(`nobody receives from "${address}"`);
      return link.send(message);
    },
    connections: () => peer.connections.length,
  };
  process.on('message', ({ id, command, args }: { id: number; command: keyof ForkedCommands; args: unknown[] }) => {
    try {
      // The parent's `call` has checked the arguments against the command.
      const run = commands[command] as (...values: unknown[]) => unknown;
      process.send?.({ id, result: run(...args) });
    } catch (error) {
      process.send?.({ id, error: String(error) });
    }
  });
  process.send?.({ port: peer.port });
}
