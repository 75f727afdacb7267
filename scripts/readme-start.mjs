// Does literally what the "Five-minute start" of README.md says, in a scratch folder, with the packed package in place of the published one.
import { spawn, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './packed.mjs';

/** Resolves when the last command printed what the README says and ended at Ctrl+C. Rejects with what went wrong. */
export async function readmeStart(scratch, tarball) {
  const section = /^## Five-minute start$([\s\S]*?)^## /m.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1];
  if (section === undefined) throw new Error('README.md has no section "Five-minute start"');
  const blocks = [...section.matchAll(/^```(\w+)(?: title="([^"]+)")?\n([\s\S]*?)^```$/gm)].map(
    ([, language, title, body]) => ({ language, title, body }),
  );
  const expected = blocks.find(({ language }) => language === 'text')?.body.trim();
  const commands = blocks.filter(({ language }) => language === 'sh').flatMap(({ body }) => body.trim().split('\n'));
  const last = commands.at(-1);
  if (!expected || !last) throw new Error('the section needs commands and what the last one prints');

  let folder = scratch;
  for (const { language, title, body } of blocks) {
    if (title !== undefined) {
      mkdirSync(dirname(join(folder, title)), { recursive: true });
      writeFileSync(join(folder, title), body);
    }
    if (language !== 'sh') continue;
    const lines = body.trim().split('\n');
    const script = lines.filter((line) => line !== last).join('\n');
    const literal = script.replaceAll(/\bnpm install nestjs-amqp10\b/g, `npm install ${tarball}`);
    const output = execFileSync('bash', ['-euc', `${literal}\npwd`], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
    folder = output.trim().split('\n').at(-1);
  }
  await untilPrinted(last, folder, expected);
}

function untilPrinted(command, cwd, expected) {
  return new Promise((resolve, reject) => {
    // exec: the signal reaches the program itself.
    const program = spawn('bash', ['-c', `exec ${command}`], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let isPrinted = false;
    const timer = setTimeout(() => program.kill('SIGKILL'), 30_000);
    const read = (chunk) => {
      output += chunk;
      if (isPrinted || !output.split('\n').includes(expected)) return;
      isPrinted = true;
      // It has to wait for more, not to end by itself.
      setTimeout(() => program.kill('SIGINT'), 500);
    };
    program.stdout.on('data', read);
    program.stderr.on('data', read);
    program.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (isPrinted && signal === 'SIGINT') resolve();
      else
        reject(new Error(`'${command}' ended with ${signal ?? code}, printed "${expected}": ${isPrinted}\n${output}`));
    });
  });
}
