// The header section is the one part of a message that a broker writes anew for each delivery (section 3.2.1).

/** The header as the broker keeps it; what was absent has the default of the specification. */
export interface BrokerHeader {
  readonly durable: boolean;
  readonly priority: number;
  readonly ttl: number | undefined;
  readonly firstAcquirer: boolean;
  readonly deliveryCount: number;
}

export const DEFAULT_PRIORITY = 4;
const UINT_MAX = 0xffff_ffff;

/** From the decoded list of the section; a field of the wrong type counts as absent. */
export function readHeader(fields: unknown): BrokerHeader {
  const list: readonly unknown[] = Array.isArray(fields) ? fields : [];
  const [durable, priority, ttl, firstAcquirer, deliveryCount] = list;
  return {
    durable: durable === true,
    priority: isUint(priority) && priority <= 255 ? priority : DEFAULT_PRIORITY,
    ttl: isUint(ttl) ? ttl : undefined,
    firstAcquirer: firstAcquirer === true,
    deliveryCount: isUint(deliveryCount) ? deliveryCount : 0,
  };
}

/** The section with its descriptor. */
export function writeHeader(header: BrokerHeader): Buffer {
  const bytes = Buffer.allocUnsafe(24);
  bytes.writeUInt32BE(0x005370c0, 0);
  bytes[5] = 5;
  bytes[6] = header.durable ? 0x41 : 0x42;
  let at = 7;
  bytes[at++] = 0x50;
  bytes[at++] = header.priority;
  at = header.ttl === undefined ? writeNull(bytes, at) : writeUint(bytes, at, header.ttl);
  bytes[at++] = header.firstAcquirer ? 0x41 : 0x42;
  at = writeUint(bytes, at, header.deliveryCount);
  bytes[4] = at - 5;
  return bytes.subarray(0, at);
}

function writeNull(bytes: Buffer, at: number): number {
  bytes[at] = 0x40;
  return at + 1;
}

function writeUint(bytes: Buffer, at: number, value: number): number {
  if (value === 0) {
    bytes[at] = 0x43;
    return at + 1;
  }
  if (value < 256) {
    bytes[at] = 0x52;
    bytes[at + 1] = value;
    return at + 2;
  }
  bytes[at] = 0x70;
  bytes.writeUInt32BE(Math.min(value, UINT_MAX), at + 1);
  return at + 5;
}

function isUint(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= UINT_MAX;
}
