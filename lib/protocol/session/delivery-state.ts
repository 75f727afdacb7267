// Delivery states (sections 3.4 and 4.5) <-> `Outcome`. The states of nearly every delivery are bytes made once.

import { DecodeError, type PeerError } from '../errors.js';
import {
  ABSENT,
  ACCEPTED_STATE,
  DECLARED_STATE,
  MODIFIED_STATE,
  RECEIVED_STATE,
  REJECTED_STATE,
  RELEASED_STATE,
  TRANSACTIONAL_STATE,
} from '../frames/performatives.js';
import { ACCEPTED, RELEASED, type Outcome } from '../outcome.js';
import type { Secrets } from '../secrets.js';
import { decodeValue } from '../types/decode.js';
import { encodeValue } from '../types/encode.js';
import { Described, Typed } from '../types/typed.js';

/** What a state on the wire says. */
export type DeliveryState =
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  | { readonly kind: 'transactional'; readonly transactionId: Buffer; readonly outcome: Outcome | undefined }
  | { readonly kind: 'declared'; readonly transactionId: Buffer }
  /** `received`: a note on progress, no outcome. */
  | { readonly kind: 'progress' }
  /** Settled, but no state was given. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly problem: string };

const ERROR = 0x1d;
const ACCEPTED_BYTES = Buffer.from([0, 0x53, ACCEPTED_STATE, 0x45]);
const RELEASED_BYTES = Buffer.from([0, 0x53, RELEASED_STATE, 0x45]);
const REJECTED_BYTES = Buffer.from([0, 0x53, REJECTED_STATE, 0x45]);

const ACCEPTED_READ: DeliveryState = Object.freeze({ kind: 'outcome', outcome: ACCEPTED });
const RELEASED_READ: DeliveryState = Object.freeze({ kind: 'outcome', outcome: RELEASED });
const PROGRESS: DeliveryState = Object.freeze({ kind: 'progress' });
const NONE: DeliveryState = Object.freeze({ kind: 'none' });

const NAMES: Readonly<Record<string, number>> = Object.freeze({
  'amqp:received:list': RECEIVED_STATE,
  'amqp:accepted:list': ACCEPTED_STATE,
  'amqp:rejected:list': REJECTED_STATE,
  'amqp:released:list': RELEASED_STATE,
  'amqp:modified:list': MODIFIED_STATE,
  'amqp:declared:list': DECLARED_STATE,
  'amqp:transactional-state:list': TRANSACTIONAL_STATE,
});

/** @throws {EncodingFailure} the outcome's info or annotations have no form in AMQP */
export function encodeOutcome(outcome: Outcome): Buffer {
  switch (outcome.kind) {
    case 'accepted':
      return ACCEPTED_BYTES;
    case 'released':
      return RELEASED_BYTES;
    case 'rejected':
    case 'modified':
      return outcome.kind === 'rejected' && outcome.condition === undefined && outcome.description === undefined
        ? REJECTED_BYTES
        : encodeValue(described(outcome));
  }
}

/** The outcome is provisional until the transaction is discharged. */
export function encodeTransactional(transactionId: Buffer, outcome: Outcome | undefined): Buffer {
  const fields = outcome === undefined ? [transactionId] : [transactionId, described(outcome)];
  return encodeValue(new Described(TRANSACTIONAL_STATE, fields));
}

export function encodeDeclared(transactionId: Buffer): Buffer {
  return encodeValue(new Described(DECLARED_STATE, [transactionId]));
}

/** The state in `buffer[start, end)`. One that cannot be read is an unknown one. */
export function readState(code: number, buffer: Buffer, start: number, end: number, secrets?: Secrets): DeliveryState {
  switch (code) {
    case ACCEPTED_STATE:
      return ACCEPTED_READ;
    case RELEASED_STATE:
      return RELEASED_READ;
    case RECEIVED_STATE:
      return PROGRESS;
    case ABSENT:
      return NONE;
    default:
      return decode(buffer, start, end, secrets);
  }
}

function decode(buffer: Buffer, start: number, end: number, secrets: Secrets | undefined): DeliveryState {
  try {
    const state = interpret(decodeValue(buffer, start, end));
    return secrets === undefined ? state : withoutSecrets(state, secrets);
  } catch (error) {
    if (error instanceof DecodeError)
      return { kind: 'unknown', problem: `the peer gave a state that cannot be read: ${error.message}` };
    throw error;
  }
}

/** Without what the peer was told in confidence. */
function withoutSecrets(state: DeliveryState, secrets: Secrets): DeliveryState {
  if (state.kind === 'unknown') return { ...state, problem: secrets.masked(state.problem) };
  if (!('outcome' in state) || state.outcome?.kind !== 'rejected') return state;
  return { ...state, outcome: secrets.maskedError(state.outcome) };
}

function described(outcome: Outcome): Described {
  switch (outcome.kind) {
    case 'accepted':
      return new Described(ACCEPTED_STATE, []);
    case 'released':
      return new Described(RELEASED_STATE, []);
    case 'rejected': {
      if (outcome.condition === undefined && outcome.description === undefined)
        return new Described(REJECTED_STATE, []);
      const condition = new Typed('symbol', outcome.condition ?? 'amqp:internal-error');
      const error = [condition, outcome.description ?? null, symbolKeys(outcome.info)];
      return new Described(REJECTED_STATE, [new Described(ERROR, error)]);
    }
    case 'modified':
      return new Described(MODIFIED_STATE, [
        outcome.deliveryFailed,
        outcome.undeliverableHere,
        symbolKeys(outcome.messageAnnotations),
      ]);
  }
}

function symbolKeys(fields: Record<string, unknown> | undefined): Map<Typed, unknown> | null {
  if (fields === undefined) return null;
  return new Map(Object.entries(fields).map(([key, value]) => [new Typed('symbol', key), value]));
}

function interpret(value: unknown): DeliveryState {
  if (!(value instanceof Described)) return { kind: 'unknown', problem: 'the peer gave a state that is not described' };
  const code = typeof value.descriptor === 'string' ? (NAMES[value.descriptor] ?? ABSENT) : Number(value.descriptor);
  const fields: readonly unknown[] = Array.isArray(value.value) ? value.value : [];
  switch (code) {
    case ACCEPTED_STATE:
      return ACCEPTED_READ;
    case RELEASED_STATE:
      return RELEASED_READ;
    case RECEIVED_STATE:
      return PROGRESS;
    case REJECTED_STATE:
      return { kind: 'outcome', outcome: { kind: 'rejected', ...peerError(fields[0]) } };
    case MODIFIED_STATE:
      return {
        kind: 'outcome',
        outcome: {
          kind: 'modified',
          deliveryFailed: fields[0] === true,
          undeliverableHere: fields[1] === true,
          ...(isRecord(fields[2]) && { messageAnnotations: fields[2] }),
        },
      };
    case DECLARED_STATE:
      if (Buffer.isBuffer(fields[0])) return { kind: 'declared', transactionId: fields[0] };
      break;
    case TRANSACTIONAL_STATE: {
      if (!Buffer.isBuffer(fields[0])) break;
      const inner = fields[1] === undefined || fields[1] === null ? NONE : interpret(fields[1]);
      return {
        kind: 'transactional',
        transactionId: fields[0],
        outcome: inner.kind === 'outcome' ? inner.outcome : undefined,
      };
    }
  }
  return { kind: 'unknown', problem: `the peer gave an unknown state ${String(value.descriptor).slice(0, 80)}` };
}

function peerError(value: unknown): Partial<PeerError> {
  if (!(value instanceof Described) || !Array.isArray(value.value)) return {};
  const [condition, description, info]: readonly unknown[] = value.value;
  return {
    ...(typeof condition === 'string' && { condition }),
    ...(typeof description === 'string' && { description }),
    ...(isRecord(info) && { info }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
