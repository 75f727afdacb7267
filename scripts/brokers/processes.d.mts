/** The folder of the test certificates. */
export const TLS: string;
export function portIsOpen(port: number): Promise<boolean>;
export function pidOf(name: string): number | undefined;
export function signalAndWait(name: string, signal: NodeJS.Signals, timeoutMs: number): Promise<void>;
/** A path below the folder of a broker or client. */
export function folder(name: string, ...rest: string[]): string;
/** Whether `markInstalled` was called with this text last. */
export function isInstalledAs(name: string, recipe: string): boolean;
export function markInstalled(name: string, recipe: string): void;
/** Runs a command to its end; throws with what it printed. */
export function run(command: string, args: readonly string[]): string;
/** `undefined` when the command can be run, else why not. */
export function missing(command: string): string | undefined;
