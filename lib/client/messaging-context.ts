import type { ClientContext } from './client-context.js';
import type { CodecRegistry } from './codec/codec-registry.js';
import type { Observers } from './observer/observers.js';

/** The context as send and receive clients take it. */
export type MessagingContext = ClientContext<Observers, CodecRegistry>;
