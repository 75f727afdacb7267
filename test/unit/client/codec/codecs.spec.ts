import { describe, expect, it } from '@jest/globals';
import { checkCodecs } from '../../../../lib/client/codec/check-codecs.js';
import { CodecRegistry } from '../../../../lib/client/codec/codec-registry.js';
import type { Codec } from '../../../../lib/client/codec/codec.js';
import type { AmqpMessage, BodyType } from '../../../../lib/protocol/index.js';

const registry = new CodecRegistry();

function received(body: unknown, contentType?: string, bodyType: BodyType = 'data'): AmqpMessage {
  return { body, bodyType, properties: { contentType } };
}

function decodeJson(text: string): unknown {
  return registry.decode(received(Buffer.from(text), 'application/json'));
}

/** As JSON may write a text: one of its characters as its number. */
function withNumber(text: string, at: number): string {
  const number = text.charCodeAt(at).toString(16).padStart(4, '0');
  return `${text.slice(0, at)}\\u${number}${text.slice(at + 1)}`;
}

const csv: Codec = {
  contentType: 'text/csv',
  encode: (value) => Buffer.from((value as string[]).join(',')),
  decode: (body) => body.toString().split(','),
};

describe('encoding without a content type', () => {
  it.each([
    ['a bigint', 1n, 'the value is a bigint'],
    ['a bigint deep inside', { lines: [{ total: 5n }] }, 'lines[0].total is a bigint'],
    ['undefined', undefined, 'undefined has no JSON form'],
    ['a function', () => 1, 'function has no JSON form'],
    ['a symbol', Symbol('x'), 'symbol has no JSON form'],
  ])('refuses %s and says where it stands', (_name, value, message) => {
    expect(() => registry.encode(value, undefined)).toThrow(message);
  });

  it('refuses a circular value without quoting it', () => {
    const value: Record<string, unknown> = { password: 'hunter2' };
    value['self'] = value;
    expect(() => registry.encode(value, undefined)).toThrow('the value has no JSON form: it is circular, or throws');
  });

  it.each([
    ['a Buffer', Buffer.from('x'), 'application/octet-stream', Buffer.from('x')],
    ['a Uint8Array', new Uint8Array([1]), 'application/octet-stream', new Uint8Array([1])],
    ['a string', 'grüß', 'text/plain; charset=utf-8', 'grüß'],
    ['an object', { a: 1 }, 'application/json', '{"a":1}'],
    ['null', null, 'application/json', 'null'],
    ['false', false, 'application/json', 'false'],
  ])('writes %s with its content type', (_name, value, contentType, body) => {
    expect(registry.encode(value, undefined)).toEqual({ body, bodyType: 'data', contentType });
  });
});

describe('encoding by the content type of the call', () => {
  it('takes bytes as already being what the type says', () => {
    const { body } = registry.encode(Buffer.from('{"a":1}'), 'application/json');
    expect(body).toEqual(Buffer.from('{"a":1}'));
  });

  it('refuses an object when nobody knows the type', () => {
    expect(() => registry.encode({}, 'application/xml')).toThrow('there is no codec for application/xml');
  });

  it('refuses characters that the charset lacks', () => {
    expect(() => registry.encode('€', 'text/plain; charset=iso-8859-1')).toThrow('iso-8859-1 lacks');
    expect(() => registry.encode('ü', 'text/plain; charset=us-ascii')).toThrow('us-ascii lacks');
    expect(() => registry.encode('ü', 'text/plain; charset=koi8-r')).toThrow('no encoder for the charset koi8-r');
  });

  it('writes in the charset', () => {
    expect(registry.encode('ü', 'text/plain; charset=latin1').body).toEqual(Buffer.from([0xfc]));
    expect(registry.encode({ a: 'ü' }, 'application/json; charset=utf-16le').body).toEqual(
      Buffer.from('{"a":"ü"}', 'utf16le'),
    );
  });

  it('makes JSON of a string and of types that end in +json', () => {
    expect(registry.encode('x', 'application/json').body).toBe('"x"');
    expect(registry.encode({ a: 1 }, 'application/vnd.order+json')).toMatchObject({
      body: '{"a":1}',
      contentType: 'application/vnd.order+json',
    });
  });
});

describe('decoding', () => {
  it.each([
    ['no JSON', '{"card": 4111', 'the body is not valid JSON'],
    ['nothing', '', 'the body is not valid JSON'],
  ])('refuses %s without quoting the body', (_name, text, message) => {
    expect(() => decodeJson(text)).toThrow(message);
    expect(() => decodeJson(text)).not.toThrow(/4111/);
  });

  it.each([10, 10_000])(
    'reads a text with letters beyond ASCII, and refuses a broken one, of %i characters',
    (length) => {
      const text = 'x'.repeat(length);
      expect(registry.decode(received(Buffer.from(`${text}é`), 'text/plain'))).toBe(`${text}é`);
      expect(() => registry.decode(received(Buffer.from(`${text}é`, 'latin1'), 'text/plain'))).toThrow(
        'not valid UTF-8',
      );
    },
  );

  it('refuses bytes that are not UTF-8 rather than replace them', () => {
    expect(() => registry.decode(received(Buffer.from([0xff, 0xfe, 0x41]), 'text/plain'))).toThrow('not valid UTF-8');
    expect(() => registry.decode(received(Buffer.from([0x22, 0xff, 0x22]), 'application/json'))).toThrow(
      'not valid UTF-8',
    );
  });

  it('refuses an unknown charset', () => {
    const message = received(Buffer.from('x'), 'text/plain; charset=nonsense');
    expect(() => registry.decode(message)).toThrow('no decoder for the charset nonsense');
  });

  it.each([
    ['application/json', '{"a":1}', { a: 1 }],
    ['Application/JSON; charset=UTF-8', '{"a":1}', { a: 1 }],
    ['application/cloudevents+json', '[1]', [1]],
    ['text/plain', 'x', 'x'],
    ['text/html; charset="utf-8"', '<b>', '<b>'],
  ])('reads %s', (contentType, text, value) => {
    expect(registry.decode(received(Buffer.from(text), contentType))).toEqual(value);
  });

  it('reads other charsets and a byte order mark', () => {
    expect(registry.decode(received(Buffer.from([0xfc]), 'text/plain; charset=iso-8859-1'))).toBe('ü');
    expect(registry.decode(received(Buffer.from('ü', 'utf16le'), 'text/plain; charset=utf-16le'))).toBe('ü');
    expect(decodeJson('\ufeff{"a":1}')).toEqual({ a: 1 });
  });

  it.each([
    ['a data body without a content type', Buffer.from('x'), undefined, 'data'],
    ['a data body of an unknown type', Buffer.from('x'), 'image/png', 'data'],
    ['a value', { a: 1n }, 'application/json', 'value'],
    ['a sequence', [1, 2], undefined, 'sequence'],
    ['no body', undefined, 'application/json', 'none'],
  ] as const)('leaves %s as it is', (_name, body, contentType, bodyType) => {
    expect(registry.decode(received(body, contentType, bodyType))).toBe(body);
  });
});

describe('keys of a JSON body that would change prototypes', () => {
  it.each([
    ['__proto__', '{"__proto__":{"isAdmin":true},"a":1}', { a: 1 }],
    ['__proto__ with escapes', '{"\\u005f_proto\\u005f_":{"isAdmin":true},"a":1}', { a: 1 }],
    ['__proto__ deep inside', '{"a":[{"b":{"__proto__":1,"c":2}}]}', { a: [{ b: { c: 2 } }] }],
    ['constructor with a prototype', '{"constructor":{"prototype":{"x":1}},"a":1}', { a: 1 }],
  ])('are left out: %s', (_name, text, value) => {
    const decoded = decodeJson(text);
    expect(JSON.stringify(decoded)).toBe(JSON.stringify(value));
    const copy: Record<string, unknown> = Object.assign({}, decoded);
    expect(copy['isAdmin']).toBeUndefined();
  });

  it.each([
    '{"constructor":"Ferrari","prototype":"F40","text":"a \\"__proto__\\" inside"}',
    '{"__proto":1,"_proto__":2,"list":["__proto__","constructor"]}',
    '{"constructor":{"name":"x"}}',
  ])('and honest data like %s stays', (text) => {
    expect(JSON.stringify(decodeJson(text))).toBe(JSON.stringify(JSON.parse(text)));
  });

  it.each([
    ['__proto__', (name: string) => `{"${name}":{"isAdmin":true}}`],
    ['constructor', (name: string) => `{"${name}":{"prototype":{"x":1}}}`],
    ['prototype', (name: string) => `{"constructor":{"${name}":{"x":1}}}`],
  ])('are found with any letter of %s as its number', (name, textOf) => {
    for (let at = 0; at < name.length; at++) expect(decodeJson(textOf(withNumber(name, at)))).toEqual({});
  });

  it('are found however deep the text is nested', () => {
    const depth = 50_000;
    const text = `${'{"a":'.repeat(depth)}{"__proto__":1,"b":2}${'}'.repeat(depth)}`;
    let value = decodeJson(text) as { a: unknown };
    for (let level = 0; level < depth; level++) value = value.a as { a: unknown };
    expect(Object.keys(value)).toEqual(['b']);
  });
});

describe('codecs of the user', () => {
  it('serve their content type in both directions, parameters and case aside', () => {
    const own = new CodecRegistry([csv]);
    expect(own.encode(['a', 'b'], 'text/csv').body).toEqual(Buffer.from('a,b'));
    expect(own.decode(received(Buffer.from('a,b'), 'Text/CSV; header=absent'))).toEqual(['a', 'b']);
    expect(own.decode(received(Buffer.from('a,b'), 'text/plain'))).toBe('a,b');
  });

  it('may serve a family of types by a RegExp, also one with a memory', () => {
    const own = new CodecRegistry([
      {
        contentType: /^application\/x-/g,
        encode: (value) => ({ body: Buffer.from(String(value)), contentType: 'application/x-a' }),
        decode: (body) => `x:${body.toString()}`,
      },
    ]);
    for (let again = 0; again < 3; again++)
      expect(own.decode(received(Buffer.from('1'), 'application/x-b'))).toBe('x:1');
    expect(own.encode(1, 'application/x-b')).toMatchObject({ contentType: 'application/x-a' });
  });

  it('fail without their words, which may quote the value', () => {
    const own = new CodecRegistry([
      {
        ...csv,
        encode: () => {
          throw new TypeError('secret');
        },
      },
    ]);
    expect(() => own.encode([], 'text/csv')).toThrow('the codec for text/csv cannot encode the value');
    const wrong = new CodecRegistry([{ ...csv, encode: () => 'text' as unknown as Buffer }]);
    expect(() => wrong.encode([], 'text/csv')).toThrow('neither a Buffer nor');
  });

  it('of one client serve what has no content type, before everything else', () => {
    const own = registry.preferring(csv);
    expect(own.encode(['a'], undefined)).toEqual({ body: Buffer.from('a'), bodyType: 'data', contentType: 'text/csv' });
    expect(own.decode(received(Buffer.from('a,b')))).toEqual(['a', 'b']);
    expect(own.decode(received(Buffer.from('{}'), 'application/json'))).toEqual({});
    expect(own.encode({ a: 1 }, 'application/json').body).toBe('{"a":1}');
  });

  it.each([
    [{}, 'codecs must be an array'],
    [[{ contentType: 'a' }], 'codecs[0] must be an object with the methods encode, decode'],
    [[{ ...csv, contentType: '' }], 'codecs[0].contentType'],
    [[undefined], 'codecs[0] must be a codec'],
  ])('are checked when they are given: %j', (value, message) => {
    expect(() => checkCodecs(value, 'codecs')).toThrow(message);
  });
});
