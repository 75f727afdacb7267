// The conformance stories on real brokers: npm run test:brokers.
import base from './jest.config.js';

export default {
  ...base,
  roots: ['<rootDir>/test/brokers'],
  testPathIgnorePatterns: base.testPathIgnorePatterns.filter((pattern) => !pattern.includes('brokers')),
};
