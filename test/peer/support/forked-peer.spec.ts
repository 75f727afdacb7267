import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ForkedPeer } from '../../support/forked-peer.js';
import { AMQP_HEADER, encodeFrame } from '../../support/scripted-peer.js';
import { eventually } from '../../support/eventually.js';

// A process is started, on a machine that may be busy.
jest.setTimeout(20_000);

let peer: ForkedPeer;
afterEach(async () => peer.stop());

describe('ForkedPeer', () => {
  it('answers while this process is blocked, and says when', async () => {
    peer = await ForkedPeer.start({ open: { containerId: 'other', idleTimeOut: 1_000 } });
    const socket = connect({ port: peer.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    socket.write(Buffer.concat([AMQP_HEADER, encodeFrame('open', 0, { containerId: 'me', idleTimeOut: 20 })]));
    await once(socket, 'data');
    const blockedUntil = performance.now() + 1_000;
    while (performance.now() < blockedUntil);
    const end = performance.timeOrigin + performance.now();

    const beats = (await peer.call('records')).filter(
      (record) => record.kind === 'frame' && record.direction === 'out' && record.frame.performative === 'empty',
    );
    expect(beats.filter(({ at }) => at < end).length).toBeGreaterThan(5);
    await expect(peer.call('send', 'orders', { data: 'x' })).rejects.toThrow('nobody receives from "orders"');

    const closed = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
    socket.resume();
    await peer.call('drop');
    await closed;
    expect(await peer.call('violations')).toEqual([]);
  });

  it('can be frozen and thawed', async () => {
    peer = await ForkedPeer.start();
    peer.freeze();
    let answered = false;
    const answer = peer.call('connections').then((count) => {
      answered = true;
      return count;
    });
    const socket = connect(peer.port, '127.0.0.1');
    await once(socket, 'connect');
    expect(answered).toBe(false);
    peer.thaw();
    await eventually('the answer', () => answered);
    expect(await answer).toBeLessThanOrEqual(1);
    socket.destroy();
  });
});
