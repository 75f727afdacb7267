import type { AmqpLogger } from '../client-context.js';

/** The user's logger, of which a line may fail: nobody's connection is to end for it. */
export function safeLogger(logger: AmqpLogger): AmqpLogger {
  const line = (level: 'log' | 'warn' | 'error' | 'debug') => (message: string) => {
    try {
      logger[level]?.(message);
    } catch {
      // There is nowhere left to say it.
    }
  };
  return { log: line('log'), warn: line('warn'), error: line('error'), debug: line('debug') };
}
