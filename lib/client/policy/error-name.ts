/** What an error is called, for descriptions and log lines: its class, never its message. Throws nothing, whatever was thrown. */
export function errorName(error: unknown): string {
  try {
    if (typeof error !== 'object' || error === null) return error === null ? 'null' : typeof error;
    if (!(error instanceof Error)) return className(error) ?? 'object';
    const name: unknown = error.name;
    return isName(name) && name !== 'Error' ? name : (className(error) ?? 'Error');
  } catch {
    // A getter of the user's.
    return typeof error;
  }
}

function className(instance: object): string | undefined {
  const owner: unknown = Reflect.get(instance, 'constructor');
  const name: unknown = typeof owner === 'function' ? owner.name : undefined;
  return isName(name) ? name : undefined;
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && name !== '';
}
