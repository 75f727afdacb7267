// The frames of the SASL layer (section 5.3.3), as plain values.

import { Cursor } from '../types/cursor.js';
import { framing } from './decode-control-frame.js';
import { beginFrame, endFrame } from './encode-control-frame.js';
import { FieldReader } from './field-reader.js';
import { FieldWriter } from './field-writer.js';
import { FramingError } from './framing-error.js';
import { describedStart, descriptorCode, scanFrameBody } from './scan.js';

export type SaslFrame =
  | { readonly kind: 'sasl-mechanisms'; readonly mechanisms: readonly string[] }
  | {
      readonly kind: 'sasl-init';
      readonly mechanism: string;
      readonly initialResponse?: Buffer | undefined;
      readonly hostname?: string | undefined;
    }
  | { readonly kind: 'sasl-challenge'; readonly challenge: Buffer }
  | { readonly kind: 'sasl-response'; readonly response: Buffer }
  | {
      readonly kind: 'sasl-outcome';
      /** 0 ok, 1 auth, 2 sys, 3 sys-perm, 4 sys-temp. */
      readonly code: number;
      readonly additionalData?: Buffer | undefined;
    };

const MECHANISMS = 0x40;
const INIT = 0x41;
const CHALLENGE = 0x42;
const RESPONSE = 0x43;
const OUTCOME = 0x44;

/**
 * Scans and reads the body of a SASL frame, `buffer[start, end)`.
 * @throws {FramingError} it is none of the five, is not well-formed, or a field is absent or of the wrong type
 */
export function decodeSaslFrame(buffer: Buffer, start: number, end: number): SaslFrame {
  scanFrameBody(buffer, start, end);
  const cursor = new Cursor().open(buffer, describedStart(buffer, start), end);
  return framing(() => readSaslFrame(cursor, descriptorCode(buffer, start, end)));
}

function readSaslFrame(cursor: Cursor, code: number): SaslFrame {
  switch (code) {
    case MECHANISMS: {
      const fields = new FieldReader(cursor, 'sasl-mechanisms', 1);
      const mechanisms = fields.required('sasl-server-mechanisms', fields.symbols('sasl-server-mechanisms'));
      fields.close();
      return { kind: 'sasl-mechanisms', mechanisms };
    }
    case INIT: {
      const fields = new FieldReader(cursor, 'sasl-init', 3);
      const mechanism = fields.required('mechanism', fields.string('mechanism'));
      const initialResponse = fields.binary('initial-response');
      const hostname = fields.string('hostname');
      fields.close();
      return { kind: 'sasl-init', mechanism, initialResponse, hostname };
    }
    case CHALLENGE:
      return { kind: 'sasl-challenge', challenge: readOnlyBinary(cursor, 'sasl-challenge', 'challenge') };
    case RESPONSE:
      return { kind: 'sasl-response', response: readOnlyBinary(cursor, 'sasl-response', 'response') };
    case OUTCOME: {
      const fields = new FieldReader(cursor, 'sasl-outcome', 2);
      const outcome = fields.required('code', fields.uint('code', 255));
      const additionalData = fields.binary('additional-data');
      fields.close();
      return { kind: 'sasl-outcome', code: outcome, additionalData };
    }
    default:
      throw new FramingError(`descriptor 0x${code.toString(16)} is no SASL frame`, 'amqp:decode-error');
  }
}

function readOnlyBinary(cursor: Cursor, owner: string, name: string): Buffer {
  const fields = new FieldReader(cursor, owner, 1);
  const value = fields.required(name, fields.binary(name));
  fields.close();
  return value;
}

/** A whole frame, size and header included. */
export function encodeSaslFrame(frame: SaslFrame): Buffer {
  const out = beginFrame(1, 0);
  switch (frame.kind) {
    case 'sasl-mechanisms':
      new FieldWriter(out, MECHANISMS).symbols('mechanisms', frame.mechanisms).close();
      break;
    case 'sasl-init':
      new FieldWriter(out, INIT)
        .scalar('mechanism', 'symbol', frame.mechanism)
        .scalar('initialResponse', 'binary', frame.initialResponse)
        .scalar('hostname', 'string', frame.hostname)
        .close();
      break;
    case 'sasl-challenge':
      new FieldWriter(out, CHALLENGE).scalar('challenge', 'binary', frame.challenge).close();
      break;
    case 'sasl-response':
      new FieldWriter(out, RESPONSE).scalar('response', 'binary', frame.response).close();
      break;
    case 'sasl-outcome':
      new FieldWriter(out, OUTCOME)
        .scalar('code', 'ubyte', frame.code)
        .scalar('additionalData', 'binary', frame.additionalData)
        .close();
      break;
  }
  return endFrame(out);
}
