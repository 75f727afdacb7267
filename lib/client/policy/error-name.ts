/** What an error is called, for descriptions and log lines: its class, never its message. */
export function errorName(error: unknown): string {
  if (error instanceof Error) {
    const { name } = error;
    return name === 'Error' || name === '' ? (error.constructor.name ?? 'Error') : name;
  }
  if (typeof error === 'object' && error !== null) {
    const owner: unknown = Reflect.get(error, 'constructor');
    return typeof owner === 'function' && owner.name !== '' ? owner.name : 'object';
  }
  return error === null ? 'null' : typeof error;
}
