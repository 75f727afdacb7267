import { EncodingFailure, encodeMessage, InvalidOptionsError } from '../../protocol/index.js';
import { checkRecord } from './check.js';

/** A plain object whose values all have a form in AMQP, so that no frame that carries it fails later; `undefined` stays `undefined`. */
export function checkAmqpRecord(value: unknown, path: string): Readonly<Record<string, unknown>> | undefined {
  const record = checkRecord(value, path);
  if (record === undefined) return undefined;
  try {
    encodeMessage({ body: record, bodyType: 'value' });
    return record;
  } catch (error) {
    if (!(error instanceof EncodingFailure)) throw error;
    throw new InvalidOptionsError(path, `made of values that AMQP can carry (${error.message})`, value);
  }
}
