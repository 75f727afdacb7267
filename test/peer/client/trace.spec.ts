import { afterEach, describe, expect, it } from '@jest/globals';
import { AmqpConnection } from '../../../lib/client/amqp-connection.js';
import type { ConnectionOptions } from '../../../lib/client/options/connection-options.js';
import { eventually } from '../../support/eventually.js';
import { ScriptedPeer } from '../../support/scripted-peer.js';

const peers: ScriptedPeer[] = [];
const connections: AmqpConnection[] = [];
afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close({ timeoutMs: 1_000 })));
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
});

async function connected(
  options: Partial<ConnectionOptions>,
): Promise<{ peer: ScriptedPeer; connection: AmqpConnection }> {
  const peer = await ScriptedPeer.listen();
  peers.push(peer);
  const uri = peer.uri.replace('//', '//me:hunter2@');
  const connection = new AmqpConnection({ uri, reconnect: { initialDelayMs: 1 }, ...options });
  connections.push(connection);
  await connection.open();
  return { peer, connection };
}

describe('a trace', () => {
  it('has a line for each frame of both sides, in order, and no password or body', async () => {
    const lines: string[] = [];
    const { peer, connection } = await connected({ trace: (line) => lines.push(line), containerId: 'me' });
    const body = 'SharedAccessSignature sig=hunter2';
    await connection.createSendClient({ address: '$cbs' }).send(body, { applicationProperties: { secret: 'hunter2' } });
    const inbox = connection.createReceiveClient('orders');
    const received = inbox.receiveBatch({ maxMessages: 1, waitMs: 3_000 });
    const link = await peer.nextLink('receiver');
    await link.creditAtLeast(1);
    link.send({ value: 'hunter2' });
    const [message] = await received;
    await message?.accept();
    await connection.close();
    const kinds = lines.map((line) => line.split(' ').slice(0, 2).join(' '));
    expect(kinds.slice(0, 12)).toEqual([
      '-> HEADER',
      '<- HEADER',
      '<- SASL-MECHANISMS',
      '-> SASL-INIT',
      '<- SASL-OUTCOME',
      '-> HEADER',
      '-> OPEN',
      '<- HEADER',
      '<- OPEN',
      '-> BEGIN',
      '<- BEGIN',
      '-> ATTACH',
    ]);
    const seen = (start: string): string | undefined => lines.find((line) => line.startsWith(start));
    expect(seen('-> SASL-INIT')).toBe('-> SASL-INIT mechanism="PLAIN" hostname="127.0.0.1"');
    expect(seen('-> ATTACH')).toMatch(/^-> ATTACH channel=0 handle=0 name=".+" role=sender source=.+ target="\$cbs"/);
    expect(seen('-> TRANSFER')).toMatch(/^-> TRANSFER channel=0 handle=0 delivery-id=0 bytes=\d+$/);
    expect(seen('<- DISPOSITION')).toBe('<- DISPOSITION channel=0 role=receiver first=0 last=0 settled state=accepted');
    expect(seen('-> FLOW')).toMatch(/credit=\d+/);
    expect(seen('<- TRANSFER')).toMatch(/delivery-id=4294967293 bytes=\d+$/);
    expect(seen('-> DISPOSITION')).toContain('settled state=accepted');
    expect(kinds.slice(-2)).toEqual(['-> CLOSE', '<- CLOSE']);
    const frames = peer.records.filter(({ kind }) => kind === 'frame' || kind === 'header');
    expect(lines).toHaveLength(frames.length);
    expect(lines.join('\n')).not.toMatch(/hunter2|Shared/);
  });

  it('shows the frame that ends the connection, and survives a function that throws', async () => {
    const lines: string[] = [];
    const trace = (line: string): never => {
      lines.push(line);
      throw new Error('disk full');
    };
    const { peer, connection } = await connected({ trace });
    peer.connection.reply('end', 9, {});
    await eventually('the rule that was broken', () => lines.some((line) => line.startsWith('-> CLOSE')));
    expect(lines).toContain('<- END channel=9');
    await eventually('it is open again', () => connection.status === 'connected');
  });

  it('goes to the logger with true: to debug, or to log where there is no debug', async () => {
    const quiet = { log: () => undefined, warn: () => undefined, error: () => undefined };
    const debugged: string[] = [];
    await connected({ trace: true, logger: { ...quiet, debug: (line) => void debugged.push(line) } });
    expect(debugged.some((line) => line.startsWith('-> OPEN'))).toBe(true);
    const logged: string[] = [];
    await connected({ trace: true, logger: { ...quiet, log: (line) => void logged.push(line) } });
    expect(logged.some((line) => line.startsWith('<- OPEN'))).toBe(true);
  });
});
