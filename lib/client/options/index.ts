// The second door of the client layer: what lib/nest and the folders above it check options of their own with. Nothing here is public.
export * from './check.js';
