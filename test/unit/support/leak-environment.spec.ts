import { execFile } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';

interface Report {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

async function runFixture(): Promise<Report> {
  const root = process.cwd();
  const config = {
    rootDir: root,
    testMatch: ['<rootDir>/test/support/fixtures/leaking.fixture.ts'],
    testEnvironment: '<rootDir>/test/support/leak-environment.mjs',
    testEnvironmentOptions: { graceMs: 100 },
    extensionsToTreatAsEsm: ['.ts'],
    resolver: '<rootDir>/test/support/resolver.cjs',
    transform: { '\\.ts$': '@swc/jest' },
    silent: true,
  };
  const args = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--json', '--forceExit', '--runInBand'];
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [...args, '--config', JSON.stringify(config)], (_error, stdout) => {
      try {
        resolve(JSON.parse(stdout) as Report); // Jest's documented --json output
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    child.stderr?.resume();
  });
}

describe('the leak environment', () => {
  it('names what a test leaves behind, and nothing else', async () => {
    const [{ assertionResults, message } = { assertionResults: [], message: '' }] = (await runFixture()).testResults;
    expect(message).toMatch(/the file left something behind:\s+- a server on port/);
    expect(assertionResults.length).toBeGreaterThan(10);
    for (const { title, status, failureMessages } of assertionResults) {
      const [kind, what = ''] = title.split(': ');
      expect([title, status, failureMessages]).toEqual(
        kind === 'clean' ? [title, 'passed', []] : [title, 'failed', [expect.stringContaining(what)]],
      );
    }
  }, 30_000);
});
