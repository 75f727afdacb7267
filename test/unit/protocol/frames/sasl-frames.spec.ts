import { describe, expect, it } from '@jest/globals';
import { decodeSaslFrame, encodeSaslFrame, type SaslFrame } from '../../../../lib/protocol/frames/sasl-frames.js';
import { FramingError } from '../../../../lib/protocol/frames/scan.js';
import { amqp } from '../../../../lib/protocol/types/amqp.js';
import { encodeValue } from '../../../../lib/protocol/types/encode.js';
import { Described } from '../../../../lib/protocol/types/typed.js';

const body = (code: number, ...fields: unknown[]): Buffer => encodeValue(new Described(code, fields));
const decode = (bytes: Buffer): SaslFrame => decodeSaslFrame(bytes, 0, bytes.length);

describe('a SASL frame', () => {
  it.each<[string, Buffer, string, RegExp]>([
    ['mechanisms without any', body(0x40), 'amqp:invalid-field', /mandatory/],
    ['mechanisms that are null', body(0x40, null), 'amqp:invalid-field', /mandatory/],
    ['mechanisms that are numbers', body(0x40, [amqp.uint(1)]), 'amqp:invalid-field', /no symbol/],
    ['init without a mechanism', body(0x41), 'amqp:invalid-field', /mechanism is mandatory/],
    ['init with a mechanism of a number', body(0x41, 1), 'amqp:decode-error', /mechanism/],
    ['init with a response of text', body(0x41, 'PLAIN', 'x'), 'amqp:decode-error', /initial-response/],
    ['init with four fields', body(0x41, 'PLAIN', null, null, null), 'amqp:decode-error', /4 fields/],
    ['a challenge of nothing', body(0x42), 'amqp:invalid-field', /challenge is mandatory/],
    ['a response of null', body(0x43, null), 'amqp:invalid-field', /response is mandatory/],
    ['an outcome without a code', body(0x44), 'amqp:invalid-field', /code is mandatory/],
    ['an outcome of 256', body(0x44, amqp.uint(256)), 'amqp:invalid-field', /over 255/],
    ['an outcome of text', body(0x44, 'ok'), 'amqp:decode-error', /code/],
    ['an open frame', body(0x10, 'c'), 'amqp:decode-error', /0x10 is no SASL frame/],
    ['a list', encodeValue([]), 'amqp:decode-error', /not a described value/],
  ])('is refused: %s', (_, bytes, condition, message) => {
    expect(() => decode(bytes)).toThrow(FramingError);
    expect(() => decode(bytes)).toThrow(message);
    expect(() => decode(bytes)).toThrow(expect.objectContaining({ condition }));
  });

  it('may name its one mechanism without an array', () => {
    expect(decode(body(0x40, amqp.symbol('PLAIN')))).toEqual({ kind: 'sasl-mechanisms', mechanisms: ['PLAIN'] });
  });

  it('names a mechanism like a method of objects as any other', () => {
    expect(decode(body(0x41, amqp.symbol('constructor')))).toMatchObject({ mechanism: 'constructor' });
  });

  it('of an unknown outcome is read: what it means is for others to say', () => {
    expect(decode(body(0x44, amqp.ubyte(77)))).toMatchObject({ code: 77 });
  });

  it('of an empty challenge is no missing one', () => {
    expect(decode(body(0x42, Buffer.alloc(0)))).toEqual({ kind: 'sasl-challenge', challenge: Buffer.alloc(0) });
  });

  it.each<[string, SaslFrame]>([
    ['mechanisms', { kind: 'sasl-mechanisms', mechanisms: ['PLAIN', 'ANONYMOUS'] }],
    ['no mechanism', { kind: 'sasl-mechanisms', mechanisms: [] }],
    [
      'init',
      { kind: 'sasl-init', mechanism: 'PLAIN', initialResponse: Buffer.from('\0ü\0pässwörd'), hostname: 'vhost:x' },
    ],
    ['init alone', { kind: 'sasl-init', mechanism: 'ANONYMOUS' }],
    ['a challenge', { kind: 'sasl-challenge', challenge: Buffer.alloc(300, 7) }],
    ['a response', { kind: 'sasl-response', response: Buffer.from('x') }],
    ['an outcome', { kind: 'sasl-outcome', code: 0 }],
    ['an outcome with data', { kind: 'sasl-outcome', code: 4, additionalData: Buffer.from('v=x') }],
  ])('is read as it was written: %s', (_, frame) => {
    const bytes = encodeSaslFrame(frame);
    expect(bytes.readUInt32BE(0)).toBe(bytes.length);
    expect(bytes.subarray(4, 8)).toEqual(Buffer.from([2, 1, 0, 0]));
    expect(decodeSaslFrame(bytes, 8, bytes.length)).toEqual(frame);
  });
});
