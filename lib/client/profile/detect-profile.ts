// Which product answered, by what its OPEN says of itself.

import type { PeerOpen } from '../../protocol/index.js';
import type { PeerProfile, ProfileName } from './peer-profile.js';
import { profileNamed } from './profiles.js';

/** What the peer said of itself, and what we make of it. */
export interface DetectedPeer {
  readonly product: string | undefined;
  readonly version: string | undefined;
  readonly profile: PeerProfile;
}

/**
 * `wanted` other than `auto` wins; the version still tells what that product can do.
 *
 * @param hostname OPEN's: with a custom endpoint it is this one that names the service
 */
export function detectPeer(
  open: PeerOpen,
  host: string,
  wanted: ProfileName | 'auto',
  hostname: string = host,
): DetectedPeer {
  const product = text(open.properties['product']);
  const version = text(open.properties['version']);
  const name = wanted === 'auto' ? nameOf(product, version, [host, hostname]) : wanted;
  return { product, version, profile: profileNamed(name, version) };
}

const AZURE = /\.servicebus\.(windows\.net|chinacloudapi\.cn|usgovcloudapi\.net|cloudapi\.de)$/i;

function nameOf(product: string | undefined, version: string | undefined, hosts: readonly string[]): ProfileName {
  if (hosts.some((host) => AZURE.test(host))) return 'azure';
  const name = (product ?? '').toLowerCase();
  if (name.includes('nestjs-amqp10')) return 'embedded';
  if (name.includes('rabbitmq')) return /^[0-3]\./.test(version ?? '') ? 'rabbitmq-3' : 'rabbitmq-4';
  if (name.includes('artemis')) return 'artemis';
  if (name.includes('activemq')) return 'activemq';
  if (name.includes('qpid') && name.includes('broker')) return 'qpid';
  return 'generic';
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
