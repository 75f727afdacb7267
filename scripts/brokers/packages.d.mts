/** Copies Maven artifacts (`group:artifact:version`) with what they need to the folder's `lib`; returns its path. */
export function mavenLibraries(name: string, artifacts: readonly string[]): string;
