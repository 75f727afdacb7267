// Brokers that were started by name, for the whole process: the one place where the ESM and the CommonJS copy of this package, and two
// applications, meet on purpose. The client looks a broker up here by the same key and calls its `dial`.

const KEY = Symbol.for('nestjs-amqp10:embedded-brokers');

/** What is there for a name: at least `dial`. */
export function brokersByName(): Map<string, unknown> {
  const found: unknown = Reflect.get(globalThis, KEY);
  if (found instanceof Map) return found;
  const made = new Map<string, unknown>();
  Reflect.set(globalThis, KEY, made);
  return made;
}
