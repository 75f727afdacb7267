import { InvalidOptionsError } from '../../protocol/index.js';
import type { Source, Target } from '../address/address.js';
import { checkSource, checkTarget } from '../address/check-address.js';
import type { ReceivedMessage } from '../message/received-message.js';
import { checkFunction, checkObject, checkWhole } from '../options/check.js';

/** Which dead letters go back, and where to. */
export interface RedriveOptions {
  /** Where the dead letters are. */
  readonly from: Source;
  /** @default where each came from, as far as the broker or the policy wrote that on it */
  readonly to?: Target | undefined;
  /** At most so many are moved. Range: 1 or more. @default all that are there */
  readonly max?: number | undefined;
  /** `false` leaves a message where it is. It must not settle. @default takes all */
  readonly filter?: ((message: ReceivedMessage) => boolean) | undefined;
}

/** The same, checked. */
export interface ResolvedRedriveOptions {
  readonly from: Source;
  readonly to: Target | undefined;
  readonly max: number;
  readonly filter: (message: ReceivedMessage) => boolean;
}

/** @throws InvalidOptionsError */
export function resolveRedriveOptions(options: RedriveOptions): ResolvedRedriveOptions {
  const given = checkObject(options, 'redrive', ['from', 'to', 'max', 'filter']);
  const from = checkSource(given['from'], 'from');
  if (typeof from === 'object' && from.distributionMode === 'copy')
    throw new InvalidOptionsError('from.distributionMode', "'move': what is only browsed cannot be moved", 'copy');
  const to = given['to'] === undefined ? undefined : checkTarget(given['to'], 'to');
  if (to === null) throw new InvalidOptionsError('to', 'a target with an address', to);
  return {
    from,
    to,
    max: checkWhole(given['max'], 'max', { min: 1, max: Number.MAX_SAFE_INTEGER, default: Infinity, infinity: true }),
    filter: checkFunction<(message: ReceivedMessage) => boolean>(given['filter'], 'filter') ?? (() => true),
  };
}
