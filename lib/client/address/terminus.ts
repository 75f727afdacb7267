// Turns a target or source into the peer's form. What the peer lacks fails here, by name.

import { AmqpError, LinkError, Typed, type Terminus } from '../../protocol/index.js';
import type { PeerProfile } from '../profile/peer-profile.js';
import type { Source, SourceFields, Target, TargetFields } from './address.js';
import { sourceFilters } from './filters.js';

/** What a link needs to attach. */
export interface LinkAddress {
  readonly terminus: Terminus;
  readonly linkName: string | undefined;
  readonly linkProperties: Readonly<Record<string, unknown>> | undefined;
  readonly desiredCapabilities: readonly string[] | undefined;
  readonly offeredCapabilities: readonly string[] | undefined;
}

/** What a sending link needs to attach. */
export interface TargetAddress extends LinkAddress {
  /** Whether a message that nobody takes is an error, unless the send says otherwise. */
  readonly mandatory: boolean;
}

/** A target's name in errors, log lines and health: `orders`, `events/created`, `anonymous`. */
export function describeTarget(target: Target): string {
  if (target === null) return 'anonymous';
  if (typeof target === 'string') return target;
  if (target.exchange !== undefined)
    return target.routingKey === undefined ? target.exchange : `${target.exchange}/${target.routingKey}`;
  return target.address ?? target.queue ?? target.topic ?? 'dynamic';
}

/** A source's name in errors, log lines and health. */
export function describeSource(source: Source): string {
  if (typeof source === 'string') return source;
  return source.address ?? source.queue ?? source.topic ?? 'dynamic';
}

/** The queue's name, when the address names a queue and not something else. */
export function queueOf(address: Source | Target): string | undefined {
  if (address === null) return undefined;
  if (typeof address === 'string') return isVerbatim(address) ? undefined : address;
  return address.queue;
}

/** A string as it goes on the wire, also for a message's `to` and `reply-to`. */
export function wireAddress(address: string, profile: PeerProfile): string {
  return isVerbatim(address) ? address : profile.queueAddress(address);
}

/** @throws LinkError, not retryable, when this peer cannot do what is asked */
export function resolveTarget(target: Target, profile: PeerProfile): TargetAddress {
  if (target === null) {
    const plain: TargetFields = {};
    if (!profile.anonymousTerminus) throw lacks(profile, 'anonymous', 'anonymous targets', undefined);
    return { ...link(plain), terminus: { address: null }, mandatory: true };
  }
  const fields: TargetFields = typeof target === 'string' ? fromText(target) : target;
  const name = describeTarget(target);
  const place = targetPlace(fields, profile, name);
  return {
    ...link(fields),
    terminus: { ...place, durable: fields.durable, capabilities: capabilities(fields, place.capabilities) },
    mandatory: fields.mandatory ?? !isMulticast(fields, profile),
  };
}

/** A source in its long form. */
export function sourceFields(source: Source): SourceFields {
  return typeof source === 'string' ? fromText(source) : source;
}

/** @throws LinkError, not retryable, when this peer cannot do what is asked */
export function resolveSource(source: Source, profile: PeerProfile): LinkAddress {
  const fields = sourceFields(source);
  const name = describeSource(source);
  const missing = lackOf(fields, profile);
  if (missing !== undefined) throw lacks(profile, name, missing, fields.linkName);
  const place = sourcePlace(fields, profile, name);
  const { expiryTimeoutMs, shared, priority } = fields;
  const needed = [...(place.capabilities ?? []), ...(shared === undefined ? [] : ['shared'])];
  if (shared === 'global') needed.push('global');
  return {
    ...link(fields),
    linkProperties:
      priority === undefined || profile.consumerPriority === undefined
        ? fields.linkProperties
        : { ...fields.linkProperties, [profile.consumerPriority]: new Typed('int', priority) },
    terminus: {
      ...place,
      durable: fields.durable,
      expiryPolicy: fields.expiryPolicy,
      timeout: expiryTimeoutMs === undefined ? undefined : Math.ceil(expiryTimeoutMs / 1000),
      distributionMode: fields.distributionMode,
      filters: sourceFilters(fields),
      capabilities: capabilities(fields, needed),
    },
  };
}

function isVerbatim(address: string): boolean {
  return address.startsWith('/') || address.includes('://');
}

function fromText(text: string): { readonly address: string } | { readonly queue: string } {
  return isVerbatim(text) ? { address: text } : { queue: text };
}

/** Exchanges and topics: a message without a taker is nobody's fault. */
function isMulticast({ exchange, topic, address }: TargetFields, profile: PeerProfile): boolean {
  if (exchange !== undefined || topic !== undefined) return true;
  return address !== undefined && profile.multicastAddress.test(address);
}

function targetPlace(fields: TargetFields, profile: PeerProfile, name: string): Terminus {
  if (fields.dynamic === true) return dynamicPlace(profile, name, fields.linkName);
  if (fields.address !== undefined) return { address: fields.address };
  if (fields.queue !== undefined)
    return { address: profile.queueAddress(fields.queue), capabilities: profile.queueCapabilities };
  if (fields.exchange !== undefined) {
    if (profile.exchangeAddress === undefined) throw lacks(profile, name, 'exchanges', fields.linkName);
    return { address: profile.exchangeAddress(fields.exchange, fields.routingKey) };
  }
  const topic = profile.topic(fields.topic ?? '');
  if (topic.target === undefined) throw lacks(profile, name, 'topics as targets', fields.linkName);
  return { address: topic.target, capabilities: topic.capabilities };
}

function sourcePlace(fields: SourceFields, profile: PeerProfile, name: string): Terminus {
  if (fields.dynamic === true) return dynamicPlace(profile, name, fields.linkName);
  if (fields.address !== undefined) return { address: fields.address };
  if (fields.queue !== undefined)
    return { address: profile.queueAddress(fields.queue), capabilities: profile.queueCapabilities };
  const topic = profile.topic(fields.topic ?? '');
  if (topic.source === undefined)
    throw lacks(profile, name, 'topics as sources (declare a queue and bind it to the exchange)', fields.linkName);
  return { address: topic.source, capabilities: topic.capabilities };
}

function dynamicPlace(profile: PeerProfile, name: string, linkName: string | undefined): Terminus {
  if (!profile.dynamicNodes) throw lacks(profile, name, 'dynamic nodes', linkName);
  return { dynamic: true };
}

/** What is asked for and not to be had here. */
function lackOf(fields: SourceFields, profile: PeerProfile): string | undefined {
  if (fields.selector !== undefined && !profile.selectors) return 'selectors';
  if (fields.distributionMode === 'copy' && !profile.browse) return 'browsing';
  if (fields.noLocal === true && !profile.noLocal) return 'no-local filters';
  if (fields.streamOffset !== undefined && !profile.streams) return 'streams';
  if (fields.priority !== undefined && profile.consumerPriority === undefined) return 'priorities of consumers';
  if (fields.shared !== undefined && !profile.sharedSubscriptions) return 'shared subscriptions';
  const isDurable = fields.durable !== undefined && fields.durable !== 'none';
  return isDurable && !profile.durableSubscriptions ? 'durable subscriptions' : undefined;
}

function capabilities(
  fields: { readonly capabilities?: readonly string[] | undefined },
  needed: readonly string[] | undefined,
): readonly string[] | undefined {
  const all = [...new Set([...(needed ?? []), ...(fields.capabilities ?? [])])];
  return all.length === 0 ? undefined : all;
}

function link(fields: TargetFields | SourceFields): Omit<LinkAddress, 'terminus'> {
  const { linkName, linkProperties, desiredCapabilities, offeredCapabilities } = fields;
  return { linkName, linkProperties, desiredCapabilities, offeredCapabilities };
}

function lacks(profile: PeerProfile, address: string, what: string, linkName: string | undefined): LinkError {
  const message = `"${address}" cannot be attached: a peer of the profile '${profile.name}' has no ${what}`;
  return AmqpError.inOwnWords(new LinkError(message, address, linkName ?? '', { retryable: false }));
}
