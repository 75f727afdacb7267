import { expect, it } from '@jest/globals';
import { safeLogger } from '../../../../lib/client/options/safe-logger.js';

it('hands lines on, and survives a logger that throws', () => {
  const lines: string[] = [];
  const logger = safeLogger({
    log: (line) => void lines.push(line),
    warn: () => {
      throw new Error('the disk is full');
    },
    error: (line) => void lines.push(line),
  });
  logger.log('one');
  logger.warn('two');
  logger.error('three');
  logger.debug?.('four');
  expect(lines).toEqual(['one', 'three']);
});
