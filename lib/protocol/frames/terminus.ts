// Sources, targets and errors inside control frames (sections 3.5.3, 3.5.4, 4.5.1, 2.8.14).

import type { Terminus } from '../links.js';
import type { PeerError } from '../errors.js';
import type { Cursor } from '../types/cursor.js';
import { readDescriptor } from '../types/decode.js';
import type { ByteWriter } from '../types/encode.js';
import { FieldReader } from './field-reader.js';
import { FieldWriter } from './field-writer.js';
import { FramingError } from './framing-error.js';

/** What a coordinator's attach has in place of a target. */
export interface Coordinator {
  readonly capabilities: readonly string[];
}

const SOURCE = 0x28;
const TARGET = 0x29;
const COORDINATOR = 0x30;
const ERROR = 0x1d;

const DURABILITIES = ['none', 'configuration', 'unsettled-state'] as const;
const EXPIRY_POLICIES = ['link-detach', 'session-end', 'connection-close', 'never'] as const;

/** The source at the cursor. */
export function readSource(cursor: Cursor): Terminus {
  expectDescriptor(cursor, 'source', SOURCE);
  const fields = new FieldReader(cursor, 'source', 11);
  const common = readCommon(fields);
  const distributionMode = fields.string('distribution-mode');
  const filters = fields.map('filter');
  fields.skip('default-outcome');
  fields.skip('outcomes');
  const capabilities = fields.symbols('capabilities');
  fields.close();
  return {
    ...common,
    // A mode of the peer's own is as good as none.
    distributionMode: distributionMode === 'move' || distributionMode === 'copy' ? distributionMode : undefined,
    filters,
    capabilities,
  };
}

/** The target at the cursor, or the coordinator that stands in its place. */
export function readTarget(cursor: Cursor): { readonly target?: Terminus; readonly coordinator?: Coordinator } {
  if (expectDescriptor(cursor, 'target', TARGET, COORDINATOR) === COORDINATOR) {
    const fields = new FieldReader(cursor, 'coordinator', 1);
    const capabilities = fields.symbols('capabilities') ?? [];
    fields.close();
    return { coordinator: { capabilities } };
  }
  const fields = new FieldReader(cursor, 'target', 7);
  const common = readCommon(fields);
  const capabilities = fields.symbols('capabilities');
  fields.close();
  return { target: { ...common, capabilities } };
}

function readCommon(fields: FieldReader): Terminus {
  const address = fields.string('address');
  const durable = fields.choice('durable', DURABILITIES);
  const expiry = fields.string('expiry-policy');
  const expiryPolicy = EXPIRY_POLICIES.find((policy) => policy === expiry);
  if (expiry !== undefined && expiryPolicy === undefined) throw fields.invalid('expiry-policy', 'is none of the four');
  const timeout = fields.uint('timeout');
  const dynamic = fields.bool('dynamic');
  const dynamicNodeProperties = fields.map('dynamic-node-properties');
  return { address, durable, expiryPolicy, timeout, dynamic, dynamicNodeProperties };
}

/** The error at the cursor. */
export function readError(cursor: Cursor): PeerError {
  expectDescriptor(cursor, 'error', ERROR);
  const fields = new FieldReader(cursor, 'error', 3);
  const condition = fields.required('condition', fields.string('condition'));
  const error = { condition, description: fields.string('description'), info: fields.map('info') };
  fields.close();
  return error;
}

const SYMBOLIC: ReadonlyMap<string, number> = new Map([
  ['amqp:source:list', SOURCE],
  ['amqp:target:list', TARGET],
  ['amqp:coordinator:list', COORDINATOR],
  ['amqp:error:list', ERROR],
]);

function expectDescriptor(cursor: Cursor, owner: string, ...codes: number[]): number {
  const descriptor = cursor.byte() === 0 ? readDescriptor(cursor) : undefined;
  const code = typeof descriptor === 'string' ? SYMBOLIC.get(descriptor) : descriptor;
  if (typeof code === 'number' && codes.includes(code)) return code;
  throw new FramingError(`${owner} is of another type`, 'amqp:decode-error');
}

export function writeSource(out: ByteWriter, source: Terminus): void {
  const fields = new FieldWriter(out, SOURCE);
  writeCommon(fields, source)
    .scalar('distribution-mode', 'symbol', source.distributionMode)
    .map('filter', source.filters)
    .scalar('default-outcome', 'null', undefined)
    .scalar('outcomes', 'null', undefined)
    .symbols('capabilities', source.capabilities)
    .close();
}

export function writeTarget(out: ByteWriter, target: Terminus): void {
  writeCommon(new FieldWriter(out, TARGET), target).symbols('capabilities', target.capabilities).close();
}

export function writeCoordinator(out: ByteWriter, coordinator: Coordinator): void {
  new FieldWriter(out, COORDINATOR).symbols('capabilities', coordinator.capabilities).close();
}

function writeCommon(fields: FieldWriter, terminus: Terminus): FieldWriter {
  return fields
    .scalar('address', 'string', terminus.address)
    .choice('durable', 'uint', terminus.durable, DURABILITIES)
    .scalar('expiry-policy', 'symbol', terminus.expiryPolicy)
    .scalar('timeout', 'uint', terminus.timeout)
    .scalar('dynamic', 'boolean', terminus.dynamic)
    .map('dynamic-node-properties', terminus.dynamicNodeProperties);
}

/** An error; a condition that is no symbol is an EncodingFailure. */
export function writeError(out: ByteWriter, error: PeerError): void {
  new FieldWriter(out, ERROR)
    .scalar('condition', 'symbol', error.condition)
    .scalar('description', 'string', error.description)
    .map('info', error.info)
    .close();
}
