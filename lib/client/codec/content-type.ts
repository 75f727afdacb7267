/** The type itself, in lower case and without parameters: `application/json` of `Application/JSON; charset=utf-8`. */
export function essence(contentType: string): string {
  const end = contentType.indexOf(';');
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

/** The `charset` parameter in lower case, `utf-8` when there is none. */
export function charsetOf(contentType: string): string {
  if (!contentType.includes(';')) return 'utf-8';
  const [, quoted, plain] = /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;"]+))/i.exec(contentType) ?? [];
  return (quoted ?? plain ?? 'utf-8').toLowerCase();
}

/** `application/json`, `text/json` and everything that ends in `+json`. */
export function isJson(type: string): boolean {
  return type === 'application/json' || type === 'text/json' || type.endsWith('+json');
}
