import { AmqpModule } from '../nest/index.js';

/** Whether `AmqpModule.forRoot` or `forRootAsync` stands anywhere in these imports. */
export async function declaresConnection(
  imports: Iterable<unknown> = [],
  seen: Set<unknown> = new Set(),
): Promise<boolean> {
  for (const given of imports) {
    const entry: unknown = await given; // Nest takes promises of modules too
    if (seen.has(entry)) continue;
    seen.add(entry);
    const { module, imports: dynamic, exports, forwardRef } = fieldsOf(entry);
    if (module === AmqpModule && exports.some((token) => String(token).startsWith('AmqpConnection:'))) return true;
    const type = typeof forwardRef === 'function' ? (forwardRef() as unknown) : (module ?? entry);
    const declared: unknown = typeof type === 'function' ? Reflect.getMetadata('imports', type) : undefined;
    const nested = [...dynamic, ...(Array.isArray(declared) ? (declared as unknown[]) : [])];
    if (await declaresConnection(nested, seen)) return true;
  }
  return false;
}

interface ModuleFields {
  readonly module: unknown;
  readonly imports: readonly unknown[];
  readonly exports: readonly unknown[];
  readonly forwardRef: unknown;
}

/** A dynamic module's fields, and those of a forward reference; a class has none of them. */
function fieldsOf(entry: unknown): ModuleFields {
  if (typeof entry !== 'object' || entry === null) {
    return { module: undefined, imports: [], exports: [], forwardRef: undefined };
  }
  const list = (name: string): readonly unknown[] => {
    const value: unknown = Reflect.get(entry, name);
    return Array.isArray(value) ? value : [];
  };
  return {
    module: Reflect.get(entry, 'module'),
    imports: list('imports'),
    exports: list('exports'),
    forwardRef: Reflect.get(entry, 'forwardRef'),
  };
}
