/** The folder of the test certificates. */
export const TLS: string;
export function portIsOpen(port: number): Promise<boolean>;
export function pidOf(name: string): number | undefined;
export function signalAndWait(name: string, signal: NodeJS.Signals, timeoutMs: number): Promise<void>;
