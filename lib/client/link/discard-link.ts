import type { SessionPlace } from './session-pool.js';

/** The attach ended after all, but nobody wants the link any more. */
export async function discardLink(held: {
  readonly link: { readonly isOpen: boolean };
  readonly place: SessionPlace;
}): Promise<void> {
  const { link, place } = held;
  if (place.isShared && link.isOpen && 'detach' in link && typeof link.detach === 'function') {
    // True for every link of the protocol layer: detach resolves, whatever happens.
    await (Reflect.apply(link.detach, link, [{ closed: true, timeoutMs: 1_000 }]) as Promise<void>);
  }
  await place.release();
}
