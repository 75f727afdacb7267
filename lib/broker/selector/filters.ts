// The filters of a source: which of them this broker applies, and what they let through.

import { DecodeError, Described, type PeerError } from '../../protocol/acceptor/index.js';
import type { QueuedMessage } from '../message/queued-message.js';
import type { QueueConsumer } from '../queue/dispatcher.js';
import { messageLookup } from './message-lookup.js';
import { parseSelector } from './parse-selector.js';
import { SelectorError } from './tokens.js';

export interface ReadFilters {
  readonly wants: QueueConsumer['wants'];
  /** The filters that are applied: only these are answered (section 3.5.3). */
  readonly applied: Record<string, unknown> | undefined;
  /** The attach is to be refused. */
  readonly problem: (PeerError & { readonly description: string }) | undefined;
}

/** The registered descriptors of a JMS selector. */
const SELECTOR_CODE = 0x0000468c00000004;
const SELECTOR_SYMBOL = 'apache.org:selector-filter:string';

/** A selector is applied or refused, any other filter is left out of the answer. */
export function readFilters(filters: Readonly<Record<string, unknown>> | undefined): ReadFilters {
  const selectors = Object.entries(filters ?? {}).filter(([, filter]) => isSelector(filter));
  if (selectors.length === 0) return { wants: undefined, applied: undefined, problem: undefined };
  try {
    const expressions = selectors.map(([, filter]) => parseSelector(textOf(filter)));
    const wants = (message: QueuedMessage): boolean => {
      const lookup = messageLookup(message);
      try {
        return expressions.every((expression) => expression(lookup) === true);
      } catch (error) {
        // Application properties that cannot be decoded match nothing.
        if (error instanceof DecodeError) return false;
        throw error;
      }
    };
    return { wants, applied: Object.fromEntries(selectors), problem: undefined };
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    const problem = { condition: 'amqp:invalid-field', description: error.message };
    return { wants: undefined, applied: undefined, problem };
  }
}

function isSelector(filter: unknown): filter is Described {
  if (!(filter instanceof Described)) return false;
  const { descriptor } = filter;
  return descriptor === SELECTOR_SYMBOL || Number(descriptor) === SELECTOR_CODE;
}

function textOf(filter: unknown): string {
  const value: unknown = filter instanceof Described ? filter.value : undefined;
  if (typeof value !== 'string') throw new SelectorError('the selector is not a string');
  return value;
}
