import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { encodeControlFrame, type ControlFrame } from '../../../../lib/protocol/frames/control-frames.js';
import { encodeSaslFrame, type SaslFrame } from '../../../../lib/protocol/frames/sasl-frames.js';
import { frameLine } from '../../../../lib/protocol/trace/frame-line.js';
import { Secrets } from '../../../../lib/protocol/secrets.js';

const lineOf = (frame: Buffer): string => frameLine(frame, 0, frame.length, frame.readUInt8(4) * 4, new Secrets());
const secret = 'hunter2';

describe('the line of a frame', () => {
  it.each<[ControlFrame, string]>([
    [
      {
        kind: 'open',
        containerId: 'me',
        hostname: 'vhost:shop',
        maxFrameSize: 512,
        channelMax: 7,
        idleTimeoutMs: 1_000,
      },
      'OPEN channel=3 container-id="me" hostname="vhost:shop" max-frame-size=512 channel-max=7 idle-time-out=1000',
    ],
    [
      { kind: 'open', containerId: 'me', properties: { token: secret }, offeredCapabilities: ['A', 'B'] },
      'OPEN channel=3 container-id="me" offered="A,B" properties="token"',
    ],
    [
      { kind: 'begin', nextOutgoingId: 0, incomingWindow: 5, outgoingWindow: 6, handleMax: 7 },
      'BEGIN channel=3 incoming-window=5 outgoing-window=6 handle-max=7',
    ],
    [
      {
        kind: 'attach',
        name: 'l',
        handle: 1,
        role: 'receiver',
        source: { address: `amqp://user:${secret}@h/q?sig=${secret}`, filters: { selector: secret } },
        target: { address: null },
        properties: { password: secret },
      },
      'ATTACH channel=3 handle=1 name="l" role=receiver source="amqp://***@h/q?***" filter="selector" target=anonymous properties="password"',
    ],
    [
      { kind: 'attach', name: 'c', handle: 0, role: 'sender', source: undefined, coordinator: { capabilities: [] } },
      'ATTACH channel=3 handle=0 name="c" role=sender source=null target=coordinator',
    ],
    [
      {
        kind: 'detach',
        handle: 1,
        closed: true,
        error: { condition: 'amqp:not-found', description: 'no\n\u001b[2J', info: { secret } },
      },
      'DETACH channel=3 handle=1 closed error="amqp:not-found" "no\\n\\u001b[2J"',
    ],
    [{ kind: 'end' }, 'END channel=3'],
    [{ kind: 'close', error: { condition: 'x'.repeat(500) } }, `CLOSE channel=3 error="${'x'.repeat(120)}..."`],
  ])('of %j', (frame, expected) => {
    expect(lineOf(encodeControlFrame(3, frame))).toBe(expected);
  });

  it.each<[SaslFrame, string]>([
    [{ kind: 'sasl-mechanisms', mechanisms: ['PLAIN', 'EXTERNAL'] }, 'SASL-MECHANISMS mechanisms="PLAIN,EXTERNAL"'],
    [
      { kind: 'sasl-init', mechanism: 'PLAIN', initialResponse: Buffer.from(`\0me\0${secret}`), hostname: 'h' },
      'SASL-INIT mechanism="PLAIN" hostname="h"',
    ],
    [{ kind: 'sasl-challenge', challenge: Buffer.from(secret) }, 'SASL-CHALLENGE'],
    [{ kind: 'sasl-response', response: Buffer.from(secret) }, 'SASL-RESPONSE'],
    [{ kind: 'sasl-outcome', code: 1, additionalData: Buffer.from(secret) }, 'SASL-OUTCOME code=1'],
  ])('holds nothing of a secret: %j', (frame, expected) => {
    expect(lineOf(encodeSaslFrame(frame))).toBe(expected);
  });

  it('of a hostile one is short, one line, and never throws', () => {
    const folder = join('test', 'corpus');
    const bodies = readdirSync(folder).map((name) => readFileSync(join(folder, name)).subarray(0, 1_000_000));
    expect(bodies.length).toBeGreaterThan(5);
    for (const body of bodies)
      for (const type of [0, 1]) {
        const line = lineOf(Buffer.concat([Buffer.from([0, 0, 0, 8, 2, type, 0, 0]), body]));
        expect(line.length).toBeLessThan(2_000);
        expect(Buffer.from(line).every((byte) => byte >= 0x20)).toBe(true);
      }
  });

  it.each([
    ['an empty one', [], 'EMPTY'],
    ['bytes that are no frame', [0xff, 0xff, 0xff], 'UNREADABLE, 11 bytes'],
    ['a descriptor that nobody knows', [0, 0x53, 0x99, 0x45], 'UNREADABLE, 12 bytes'],
    ['a transfer without fields', [0, 0x53, 0x14, 0x45], 'UNREADABLE, 12 bytes'],
  ])('of %s never throws', (_what, body, expected) => {
    expect(lineOf(Buffer.from([0, 0, 0, 8 + body.length, 2, 0, 0, 0, ...body]))).toBe(expected);
  });
});
