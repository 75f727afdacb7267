import type { MessageHandler } from '@nestjs/microservices';

/** What one message is handled with. */
export type FoundHandlers =
  | { readonly kind: 'request'; readonly handler: MessageHandler }
  | { readonly kind: 'event'; readonly handlers: readonly MessageHandler[] };

/** The handlers of a server by pattern. `*` stands for one word between dots, `#` for any number of them. */
export class PatternHandlers {
  private readonly requests = new Map<string, MessageHandler>();
  private readonly events = new Map<string, MessageHandler[]>();

  /** A second handler of requests takes the place of the first; those of events add up. */
  add(pattern: string, handler: MessageHandler, isEventHandler: boolean): void {
    if (!isEventHandler) this.requests.set(pattern, handler);
    else this.events.set(pattern, [...(this.events.get(pattern) ?? []), handler]);
  }

  /**
   * The pattern itself comes before those with wildcards, and they in the order in which they were added.
   *
   * @param wantsReply prefers handlers of requests; otherwise those of events come first
   */
  find(pattern: string, wantsReply: boolean): FoundHandlers | undefined {
    const handler = lookUp(this.requests, pattern);
    const request = handler && ({ kind: 'request', handler } as const);
    if (wantsReply && request !== undefined) return request;
    const handlers = lookUp(this.events, pattern);
    return handlers === undefined ? request : { kind: 'event', handlers };
  }
}

function lookUp<Found>(patterns: ReadonlyMap<string, Found>, subject: string): Found | undefined {
  const exact = patterns.get(subject);
  if (exact !== undefined) return exact;
  const words = subject.split('.');
  for (const [pattern, found] of patterns) {
    // An object pattern is JSON: its stars are text.
    const isWild = !pattern.startsWith('{') && (pattern.includes('*') || pattern.includes('#'));
    if (isWild && matches(pattern.split('.'), words)) return found;
  }
  return undefined;
}

/** As topic exchanges match: word by word, and back to the last `#` where that fails, so that no subject takes long. */
function matches(pattern: readonly string[], words: readonly string[]): boolean {
  let at = 0;
  let word = 0;
  let hash: { readonly at: number; word: number } | undefined;
  while (word < words.length) {
    if (pattern[at] === '#') {
      hash = { at, word };
      at++;
    } else if (at < pattern.length && (pattern[at] === '*' || pattern[at] === words[word])) {
      at++;
      word++;
    } else if (hash === undefined) return false;
    else {
      at = hash.at + 1;
      word = ++hash.word;
    }
  }
  return pattern.slice(at).every((rest) => rest === '#');
}
