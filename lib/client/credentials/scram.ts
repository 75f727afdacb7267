// SASL SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding: the password itself never goes over the wire, and the peer has to
// prove that it knows it too.

import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { AuthenticationError, type SaslMechanism } from '../../protocol/index.js';
import type { Credentials, SecretProvider } from './credentials.js';
import { checkUser, passwordOf, secretSource, tellNobody } from './secret.js';

const derive = promisify(pbkdf2);
const NAME = 'SCRAM-SHA-256';
const HEADER = 'n,,';
/** RFC 7677 asks for 4096; more than the upper bound would let a peer burn our CPU. */
const ITERATIONS = { min: 4_096, max: 1_000_000 };

/**
 * User and password: SASL SCRAM-SHA-256. A function is asked for the password at each attempt to connect.
 *
 * @throws InvalidOptionsError when one is empty or holds NUL
 */
export function saslScram(user: string, password: SecretProvider): Credentials {
  const name = checkUser(user, 'saslScram.user');
  const secret = secretSource(password, 'saslScram.password');
  return {
    mechanism: NAME,
    user: name,
    isSecret: true,
    start: (confide = tellNobody) => scramExchange(name, secret(passwordOf(name, confide))),
  };
}

/** As RFC 5802 spells what it lists; anything else is a stranger's text. */
const ERROR = /^[a-z-]{1,40}$/;

/** One exchange. `nonce` comes in for the test vectors of RFC 7677. */
export function scramExchange(
  user: string,
  secret: () => Promise<string>,
  nonce: string = randomBytes(24).toString('base64'),
): SaslMechanism {
  const escaped = user.normalize('NFKC').replaceAll('=', '=3D').replaceAll(',', '=2C');
  const first = `n=${escaped},r=${nonce}`;
  let expectedSignature: Buffer | undefined;
  let step = 0;
  let isProved = false;

  const answerServerFirst = async (message: string): Promise<Buffer> => {
    const { r, s, i, m } = attributes(message);
    if (m !== undefined) throw refused('it asks for an extension that is not known here');
    const iterations = /^\d{1,7}$/.test(i ?? '') ? Number(i) : 0;
    if (r === undefined || s === undefined || s === '' || !r.startsWith(nonce) || r.length <= nonce.length)
      throw refused('its challenge does not answer ours');
    if (iterations < ITERATIONS.min || iterations > ITERATIONS.max)
      throw refused(`it asks for ${i ?? 'no'} iterations, from ${ITERATIONS.min} to ${ITERATIONS.max} are taken`);
    const key = (await secret()).normalize('NFKC');
    const salted = await derive(key, Buffer.from(s, 'base64'), iterations, 32, 'sha256');
    const withoutProof = `c=${Buffer.from(HEADER).toString('base64')},r=${r}`;
    const signed = `${first},${message},${withoutProof}`;
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash('sha256').update(clientKey).digest(), signed);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    expectedSignature = hmac(hmac(salted, 'Server Key'), signed);
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`, 'utf8');
  };

  const checkServerFinal = (message: string): Buffer => {
    const { v, e, m } = attributes(message);
    if (e !== undefined) throw refused(`it answered ${ERROR.test(e) ? e : 'an error'}`);
    if (m !== undefined) throw refused('it asks for an extension that is not known here');
    const signature = Buffer.from(v ?? '', 'base64');
    if (expectedSignature === undefined || signature.length !== expectedSignature.length)
      throw refused('its last message proves nothing');
    if (!timingSafeEqual(signature, expectedSignature)) throw refused('it does not know the password');
    isProved = true;
    return Buffer.alloc(0);
  };

  return {
    name: NAME,
    initialResponse: () => Buffer.from(`${HEADER}${first}`, 'utf8'),
    step: (challenge) => {
      step += 1;
      if (step === 1) return answerServerFirst(challenge.toString('utf8'));
      if (step === 2) return checkServerFinal(challenge.toString('utf8'));
      throw refused('it sent a third challenge');
    },
    concluded: () => {
      if (!isProved) throw refused('it ended with success, without a proof that it knows the password');
    },
  };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}

/** `r=...,s=...,i=...`: one letter, an equals sign, anything but a comma. */
function attributes(message: string): { readonly [name: string]: string | undefined } {
  const found: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const field of message.split(','))
    if (field[1] === '=' && field[0] !== undefined) found[field[0]] = field.slice(2);
  return found;
}

function refused(why: string): AuthenticationError {
  return new AuthenticationError(`the peer failed the ${NAME} exchange: ${why}`, undefined);
}
