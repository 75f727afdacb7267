import { describe, expect, it } from '@jest/globals';
import { isFromElsewhere, isToUs, refusalOfAction } from '../../../lib/dashboard/http/request-guard.js';

const host = 'app.example:3000';
const good = { host, 'x-amqp-dashboard': 'action', 'content-type': 'application/json; charset=utf-8' };

describe('a request', () => {
  it.each<[string, Record<string, string>, boolean]>([
    ['of a program that is no browser', { host }, false],
    [
      'that a browser says is of this page',
      { host, 'sec-fetch-site': 'same-origin', origin: 'https://proxy.example' },
      false,
    ],
    ['that somebody typed', { host, 'sec-fetch-site': 'none' }, false],
    ['of a subdomain', { host, 'sec-fetch-site': 'same-site' }, true],
    ['of another site', { host, 'sec-fetch-site': 'cross-site' }, true],
    ['with this origin', { host, origin: `http://${host}` }, false],
    [
      'with another origin, which a page that sets headers itself says was forwarded',
      { host, 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example', origin: 'http://evil.example' },
      true,
    ],
    ['with an origin that is allowed', { host: 'internal:1', origin: 'https://proxy.example' }, false],
    ['with an allowed host and another scheme', { host: 'internal:1', origin: 'http://proxy.example' }, true],
    [
      'of another site, though a browser says so of an origin that is allowed',
      { host, 'sec-fetch-site': 'cross-site', origin: 'https://proxy.example' },
      true,
    ],
    ['with another origin', { host, origin: 'https://elsewhere.example' }, true],
    ['with another port', { host, origin: 'http://app.example:3001' }, true],
    ['of a sandboxed frame', { host, origin: 'null' }, true],
    ['of a sandboxed frame, to no host', { origin: 'null' }, true],
  ])('%s', (_what, headers, expected) => {
    expect(isFromElsewhere({ method: 'GET', url: '/', headers }, ['https://proxy.example'])).toBe(expected);
  });
});

describe('a request to a host', () => {
  it.each<[string, Record<string, string>, boolean]>([
    ['localhost', { host: 'localhost:3000' }, true],
    ['localhost with a dot, in capitals', { host: 'LOCALHOST.' }, true],
    ['below localhost', { host: 'app.localhost:3000' }, true],
    ['that is an address', { host: '10.1.2.3:3000' }, true],
    ['that is an address of version 6', { host: '[::1]:3000' }, true],
    ['of an allowed origin', { host: 'proxy.example' }, true],
    ['of an allowed origin, at another port', { host: 'proxy.example:3000' }, true],
    ['of an allowed origin, in HTTP/2', { ':authority': 'proxy.example' }, true],
    ['of an allowed origin that ends with a dot', { host: 'dotted.example' }, true],
    ['that is none of ours', { host: 'evil.example:3000' }, false],
    ['that is none of ours, in HTTP/2', { ':authority': 'evil.example' }, false],
    ['that ends as ours', { host: 'evil-localhost' }, false],
    ['that begins as ours', { host: 'localhost.evil.example' }, false],
    ['that has ours as its user', { host: 'localhost@evil.example' }, false],
    ['below an allowed one', { host: 'evil.proxy.example' }, false],
    ['that looks like an address', { host: '127.0.0.1.evil.example' }, false],
    ['that is no host', { host: 'a b' }, false],
    ['that is missing', {}, false],
  ])('%s', (_what, headers, expected) => {
    const allowed = ['https://proxy.example', 'https://dotted.example.'];
    expect(isToUs({ method: 'GET', url: '/', headers }, allowed)).toBe(expected);
  });
});

describe('an action', () => {
  it.each<[string, string, Record<string, string>, string | undefined]>([
    ['is taken with the header and JSON', 'POST', good, undefined],
    ['is no GET', 'GET', good, 'method-not-allowed'],
    ['is no PUT', 'PUT', good, 'method-not-allowed'],
    ['needs the header', 'POST', { ...good, 'x-amqp-dashboard': '' }, 'guard-header'],
    ['is no form', 'POST', { ...good, 'content-type': 'application/x-www-form-urlencoded' }, 'not-json'],
    [
      'is not text that reads as JSON',
      'POST',
      { ...good, 'content-type': 'text/plain; a=application/json' },
      'not-json',
    ],
    ['is not nearly JSON', 'POST', { ...good, 'content-type': 'application/jsonp' }, 'not-json'],
    ['is of this page', 'POST', { ...good, 'sec-fetch-site': 'cross-site' }, 'cross-site'],
  ])('%s', (_what, method, headers, code) => {
    expect(refusalOfAction({ method, url: '/', headers }, [])?.code).toBe(code);
  });
});
