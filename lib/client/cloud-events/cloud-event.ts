// CloudEvents 1.0: what an event is, and which attributes it may have.

import { InvalidOptionsError } from '../../protocol/index.js';

/**
 * An event by the CloudEvents specification, version 1.0. Any other field is an extension attribute: its name of `a` to `z` and digits,
 * its value a string, boolean, 32-bit whole number, Buffer or Date.
 */
export interface CloudEvent<Data = unknown> {
  readonly specversion?: '1.0' | undefined;
  /** Unique for its `source`. @default a random UUID */
  readonly id?: string | undefined;
  /** Where it happened: a URI or a path. */
  readonly source: string;
  readonly type: string;
  readonly subject?: string | undefined;
  /** RFC 3339, or a Date. */
  readonly time?: string | Date | undefined;
  /** @default by the kind of `data`, as of any value that is sent */
  readonly datacontenttype?: string | undefined;
  readonly dataschema?: string | undefined;
  readonly data?: Data | undefined;
  readonly [extension: string]: unknown;
}

/** One that was received: complete, with its time as text. */
export interface ReceivedCloudEvent<Data = unknown> extends CloudEvent<Data> {
  readonly specversion: '1.0';
  readonly id: string;
  readonly time?: string | undefined;
}

/** An attribute as AMQP and JSON carry it. */
export type AttributeValue = string | boolean | number | Buffer | Date;

const NAME = /^[a-z0-9]+$/;
const RFC_3339 =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
const TEXTS: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'datacontenttype',
  'dataschema',
]);

/**
 * Every attribute that has a value, `data` left out, with those that were not given filled in.
 *
 * @throws InvalidOptionsError `event.NAME`
 */
export function attributesOf(event: CloudEvent, newId: () => string): Map<string, AttributeValue> {
  if (typeof event !== 'object' || event === null || Array.isArray(event))
    throw new InvalidOptionsError('event', 'a CloudEvent', event);
  const { data: _data, ...given } = event;
  const all = { ...given, specversion: given.specversion ?? '1.0', id: given.id ?? newId() };
  const attributes = new Map<string, AttributeValue>();
  for (const [name, value] of Object.entries(all)) {
    if (value === undefined) continue;
    const problem = problemOf(name, value);
    if (problem !== undefined) throw new InvalidOptionsError(`event.${name}`, problem, value, 'secret');
    attributes.set(name, value);
  }
  for (const name of ['source', 'type'])
    if (!attributes.has(name)) throw new InvalidOptionsError(`event.${name}`, 'given', undefined);
  return attributes;
}

/** What is wrong with an attribute that is to be written, in words that go on after "must be"; `undefined`: nothing. */
function problemOf(name: string, value: unknown): string | undefined {
  if (!isAttributeName(name)) return 'called by lower-case letters and digits only';
  if (name === 'time' || TEXTS.has(name)) return coreProblemOf(name, value);
  return isAttributeValue(value) ? undefined : 'a string, boolean, 32-bit whole number, Buffer or valid Date';
}

export function isAttributeName(name: string): boolean {
  return NAME.test(name);
}

/** The same of the attributes that the specification itself has; of extensions it knows nothing. */
export function coreProblemOf(name: string, value: unknown): string | undefined {
  if (name === 'specversion') return value === '1.0' ? undefined : "'1.0'";
  if (name === 'time') return isTime(value) ? undefined : 'a valid Date, or a time by RFC 3339';
  if (!TEXTS.has(name)) return undefined;
  return typeof value === 'string' && value !== '' ? undefined : 'a string that is not empty';
}

function isTime(value: unknown): boolean {
  if (typeof value === 'string') return RFC_3339.test(value);
  return value instanceof Date && !Number.isNaN(value.getTime());
}

function isAttributeValue(value: unknown): value is AttributeValue {
  if (typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31;
  return Buffer.isBuffer(value) || (value instanceof Date && !Number.isNaN(value.getTime()));
}

/** Whether a content type is that of whole events, which are in structured mode then. */
export function isOfEvents(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().startsWith('application/cloudevents') === true;
}
