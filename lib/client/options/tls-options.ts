import { InvalidOptionsError } from '../../protocol/index.js';
import { checkBoolean, checkObject, checkOneOf, checkText, checkTexts, joinPath } from './check.js';
import type { TlsOptions } from './connection-options.js';

const NAMES = [
  'ca',
  'cert',
  'key',
  'passphrase',
  'servername',
  'rejectUnauthorized',
  'alpnProtocols',
  'ciphers',
  'minVersion',
];

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

/** Whether the contents fit is seen when the first attempt reads them. @throws InvalidOptionsError */
export function checkTls(value: unknown, path: string): TlsOptions {
  const options = checkObject(value, path, NAMES);
  const at = (name: string): string => joinPath(path, name);
  const pem = (name: string): string | Buffer | undefined => {
    const content = options[name];
    if (content === undefined) return undefined;
    if ((typeof content === 'string' || Buffer.isBuffer(content)) && content.length > 0) return content;
    throw new InvalidOptionsError(at(name), 'a string or Buffer in PEM form', content, 'secret');
  };
  const cert = pem('cert');
  const key = pem('key');
  if ((cert === undefined) !== (key === undefined))
    throw new InvalidOptionsError(
      at(cert === undefined ? 'cert' : 'key'),
      'given, as the other of cert and key is',
      undefined,
    );
  return {
    ca: pem('ca'),
    cert,
    key,
    passphrase: checkText(options['passphrase'], at('passphrase'), 'secret'),
    servername: checkText(options['servername'], at('servername')),
    rejectUnauthorized: checkBoolean(options['rejectUnauthorized'], at('rejectUnauthorized'), undefined),
    alpnProtocols: checkTexts(options['alpnProtocols'], at('alpnProtocols')),
    ciphers: checkText(options['ciphers'], at('ciphers')),
    minVersion: checkOneOf(options['minVersion'], at('minVersion'), VERSIONS, undefined),
  };
}
