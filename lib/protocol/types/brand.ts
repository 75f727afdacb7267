/** Under this key the prototypes of value classes say which they are, in every copy of this package. */
export const BRAND = Symbol.for('nestjs-amqp10:value');

/** `instanceof` that also holds for objects made by another copy of this package: ESM and CommonJS in one process. */
export function hasBrand(value: unknown, brand: string): boolean {
  return typeof value === 'object' && value !== null && Reflect.get(value, BRAND) === brand;
}
