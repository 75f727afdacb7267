// A test CA, a server certificate for localhost and 127.0.0.1, and a client certificate whose name is `certuser`.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missing, run, TLS } from './processes.mjs';

export const STORE_PASSWORD = 'changeit';

export function makeCertificates() {
  if (existsSync(join(TLS, 'done'))) return;
  mkdirSync(TLS, { recursive: true });
  const at = { cwd: TLS };
  const extensions = [
    '-addext',
    'basicConstraints=critical,CA:true',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  ];
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  const ca = ['req', '-x509', ...key, '-days', '3650', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA'];
  run('openssl', [...ca, ...extensions], at);
  sign('server', 'localhost', 'extendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n');
  sign('client', 'certuser', 'extendedKeyUsage=clientAuth\nsubjectAltName=DNS:certuser\n');
  if (missing('keytool') === undefined) {
    const chain = ['-in', 'server.pem', '-inkey', 'server.key', '-certfile', 'ca.pem', '-name', 'server'];
    run('openssl', ['pkcs12', '-export', ...chain, '-passout', `pass:${STORE_PASSWORD}`, '-out', 'server.p12'], at);
    const store = ['-keystore', 'ca.p12', '-storetype', 'PKCS12', '-storepass', STORE_PASSWORD];
    run('keytool', ['-importcert', '-noprompt', '-alias', 'ca', '-file', 'ca.pem', ...store], at);
  }
  writeFileSync(join(TLS, 'done'), '');

  function sign(name, subject, extension) {
    writeFileSync(join(TLS, `${name}.ext`), extension);
    run('openssl', ['req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`], at);
    const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '3650', '-extfile', `${name}.ext`];
    run('openssl', ['x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...by], at);
    rmSync(join(TLS, `${name}.csr`));
    rmSync(join(TLS, `${name}.ext`));
  }
}
